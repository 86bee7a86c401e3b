import type { IncomingMessage } from 'node:http'

export const websocketPath = '/ws'

/**
 * "A server MAY ignore a received Upgrade header field" (https://www.rfc-editor.org/rfc/rfc9110#section-7.8), and it is heeded only where a websocket
 * is opened. Clients that would like HTTP/2 send it, such as Java's. Otherwise Node.js would hand the connection over to whoever opens websockets:
 * neither the body nor what follows the answer would be read, and nobody would notice that the client has left.
 */
export const isUpgraded = ({
  method,
  url = '',
  headers,
}: Pick<IncomingMessage, 'method' | 'url' | 'headers'>): boolean =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && pathOf(url) === websocketPath

/** The whole address may stand there: https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2 */
const pathOf = (url: string): string => url.replace(/^https?:\/\/[^/?#]*/i, '').split('?', 1)[0] ?? ''
