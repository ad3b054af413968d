export { downloads, type DownloadsOptions } from './middleware.ts';
export { sendDownload, type SendDownloadOptions } from './send-download.ts';
export type { DownloadContext } from './request.ts';
