import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'

/** Has begun to read an answer, and takes no more of it than the buffers between server and client hold until the rest is read. */
export const readSlowly = async (url: string, headers: Readonly<Record<string, string>>, form?: URLSearchParams) => {
  const asking = request(url, {
    ...(form === undefined
      ? { headers }
      : { method: 'POST', headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' } }),
    agent: false,
  })
  asking.end(form?.toString())
  const [answer]: IncomingMessage[] = await once(asking, 'response')
  const pieces = answer?.iterator({ destroyOnReturn: false })
  const got: string[] = []
  const takeOne = async () => {
    const { value, done } = (await pieces?.next()) ?? { done: true }
    if (value !== undefined) got.push(String(value))
    return !done
  }
  await takeOne()
  return {
    status: answer?.statusCode,
    /** Disconnects. */
    destroy: () => answer?.destroy(),
    /** Rejects if not everything comes. */
    rest: async () => {
      while (await takeOne());
    },
    /** What has been read so far. */
    text: () => got.join(''),
  }
}
