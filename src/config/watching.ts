import { matching, oneOf } from './accepted.ts'
import { option, setting } from './setting.ts'

/** How those who run the server see what it does. */
export const watchingVariables = {
  logLevel: setting({
    name: 'LOG_LEVEL',
    fallback: 'info',
    accepts: 'one of fatal, error, warn, info, debug, trace, silent',
    effect: 'From `fatal` to `trace`, or `silent`. Health data, tokens and query strings are never logged.',
    parse: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
  }),
  metricsToken: option({
    name: 'METRICS_TOKEN',
    otherwise: 'no metrics',
    accepts: 'a secret of 32 to 512 letters, digits and -._~+/= (openssl rand -hex 32)',
    effect:
      'Token with which Prometheus reads /metrics: figures about the server, and nothing about anybody. Without it there is no such address.',
    parse: matching(/^[\w.~+/-]{32,512}={0,2}$/),
    secret: true,
  }),
}
