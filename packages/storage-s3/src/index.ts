export { createS3Driver, type S3Driver } from './s3-driver.ts';
export type { S3Credentials, S3DriverOptions, S3Timeouts } from './settings.ts';
