import type { S3DriverOptions } from '@sluice/storage-s3';

/**
 * Reads from the environment which bucket to serve, by the names that the AWS tools have for it.
 * Credentials are not read here: the SDK finds them, in the environment and elsewhere.
 *
 * @returns `undefined` where no bucket is named, and a store is to be started
 * @throws TypeError when there is an address and no bucket at it
 */
export function storeSettings(
  environment: Readonly<Record<string, string | undefined>>,
): S3DriverOptions | undefined {
  const {
    S3_BUCKET: bucket,
    S3_PUBLIC_ENDPOINT: publicEndpoint,
    AWS_ENDPOINT_URL_S3: endpoint = environment['AWS_ENDPOINT_URL'],
    AWS_REGION: region,
  } = environment;
  if (bucket === undefined) {
    if (endpoint === undefined) return undefined;
    throw new TypeError('AWS_ENDPOINT_URL_S3 names a store, and S3_BUCKET no bucket in it');
  }
  return {
    bucket,
    ...(endpoint !== undefined && { endpoint }),
    ...(publicEndpoint !== undefined && { publicEndpoint }),
    ...(region !== undefined && { region }),
  };
}
