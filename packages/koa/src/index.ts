export { downloads, type DownloadsOptions } from './middleware.ts';
export { sendDownload, type SendDownloadOptions } from './send-download.ts';
export type { ProbeOptions } from './probe/probe.ts';
export type { DownloadContext } from './request.ts';
