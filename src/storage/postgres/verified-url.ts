/**
 * In these modes, pg verifies the certificate and the name of the server, as in `verify-full`, but warns at the start that this will change. So the
 * mode is spelled out. Whoever wants what libpq does says `uselibpqcompat=true`, and whoever wants no verification `sslmode=no-verify`.
 * https://node-postgres.com/features/ssl
 */
export const toVerifiedUrl = (url: string): string =>
  /[?&]uselibpqcompat=true(&|$)/.test(url)
    ? url
    : url.replace(/([?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/, '$1verify-full')
