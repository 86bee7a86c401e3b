import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'

/** Has begun to read an answer, and takes no more of it than the buffers between server and client hold until the rest is read. */
export const readSlowly = async (url: string, headers: Readonly<Record<string, string>>) => {
  const [answer]: IncomingMessage[] = await once(get(url, { headers, agent: false }), 'response')
  const pieces = answer?.iterator({ destroyOnReturn: false })
  await pieces?.next()
  return {
    status: answer?.statusCode,
    /** Hangs up. */
    destroy: () => answer?.destroy(),
    /** Rejects where not all comes. */
    rest: async () => {
      while (!(await pieces?.next())?.done);
    },
  }
}
