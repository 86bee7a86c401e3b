/**
 * In these modes pg verifies the certificate and the name of the server, as in `verify-full`, and warns at the start that it once will not:
 * so it is told to go on. Whoever wants what libpq does says `uselibpqcompat=true`, and who wants no proof `sslmode=no-verify`.
 * https://node-postgres.com/features/ssl
 */
export const toVerifiedUrl = (url: string): string =>
  /[?&]uselibpqcompat=true(&|$)/.test(url)
    ? url
    : url.replace(/([?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/, '$1verify-full')
