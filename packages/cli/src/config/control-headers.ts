// What a printed configuration takes away; the emulator takes away the same.
export { CONTROL_REQUEST_HEADERS, CONTROL_RESPONSE_HEADERS } from '@sluice/core/offload';
