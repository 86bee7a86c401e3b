import type { FastifyInstance } from 'fastify'

/** What a page answered, and its content. */
export type Shown = {
  readonly status: number
  readonly location: string | undefined
  readonly body: string
  readonly headers: Readonly<Record<string, string | readonly string[] | number | undefined>>
}

/** What is sent; a list if several boxes of one name are ticked. */
type Fields = Readonly<Record<string, string | readonly string[]>>

/** A browser without JavaScript: keeps cookies, sends forms with their hidden fields, and follows no redirects. */
export type Browser = {
  readonly get: (url: string) => Promise<Shown>
  /** Fills in the form on the page at `url` that posts to `action` (`url` itself by default), and sends it. */
  readonly send: (url: string, fields: Fields, action?: string) => Promise<Shown>
  /** Sends what no page of ours would. */
  readonly post: (url: string, fields: Fields) => Promise<Shown>
  /** The same as `send`, with a file in a field. */
  readonly sendFile: (
    url: string,
    file: SentFile,
    action?: string,
    fields?: Readonly<Record<string, string>>,
  ) => Promise<Shown>
  readonly cookies: Map<string, string>
}

type SentFile = { readonly field: string; readonly name: string; readonly content: string | Uint8Array }

type Options = {
  readonly userAgent?: string
  readonly remoteAddress?: string
  /** Additional headers of each request. */
  readonly headers?: Readonly<Record<string, string>>
}

export const openBrowser = (
  server: Pick<FastifyInstance, 'inject'>,
  {
    userAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    remoteAddress = '127.0.0.1',
    headers = {},
  }: Options = {},
): Browser => {
  const cookies = new Map<string, string>()
  const ask = async (
    method: 'GET' | 'POST',
    url: string,
    payload?: string | Buffer,
    type = 'application/x-www-form-urlencoded',
  ): Promise<Shown> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await server.inject({
      method,
      url,
      remoteAddress,
      headers: {
        'user-agent': userAgent,
        ...headers,
        ...(cookie !== '' && { cookie }),
        ...(payload !== undefined && { 'content-type': type }),
      },
      ...(payload !== undefined && { payload }),
    })
    for (const one of answer.cookies) keep(cookies, one)
    const { location } = answer.headers
    return { status: answer.statusCode, location: location?.toString(), body: answer.body, headers: answer.headers }
  }
  const post: Browser['post'] = (url, fields) => ask('POST', url, encoded(fields))
  return {
    cookies,
    post,
    get: url => ask('GET', url),
    send: async (url, fields, action = url.split('?', 1)[0] ?? url) => {
      const { body } = await ask('GET', url)
      return post(action, { ...hiddenIn(body, action), ...fields })
    },
    sendFile: async (url, file, action = url.split('?', 1)[0] ?? url, fields = {}) => {
      const { body } = await ask('GET', url)
      return ask(
        'POST',
        action,
        inParts({ ...hiddenIn(body, action), ...fields }, file),
        `multipart/form-data; boundary=${boundary}`,
      )
    },
  }
}

const encoded = (fields: Fields): string =>
  new URLSearchParams(
    Object.entries(fields).flatMap(([name, value]) => [value].flat().map(one => [name, one])),
  ).toString()

/** https://www.rfc-editor.org/rfc/rfc7578 */
const inParts = (fields: Readonly<Record<string, string>>, { field, name, content }: SentFile): Buffer =>
  Buffer.concat([
    ...Object.entries(fields).map(([key, value]) =>
      Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="${key}"\r\n\r\n${value}\r\n`),
    ),
    Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="${field}"; filename="${name}"\r\ncontent-type: text/csv\r\n\r\n`,
    ),
    Buffer.from(content),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ])

const boundary = 'a-boundary-that-stands-in-no-file'

const keep = (
  cookies: Map<string, string>,
  { name, value, expires }: { name: string; value: string; expires?: Date },
) => (expires !== undefined && expires.getTime() < Date.now() ? cookies.delete(name) : cookies.set(name, value))

const hiddenIn = (page: string, action: string): Readonly<Record<string, string>> => {
  const form = [
    ...page.matchAll(/<form(?: class="[^"]*")? method="post" action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g),
  ].find(([, to]) => to === action)
  if (form === undefined) throw new Error(`no form posts to ${action} in: ${page}`)
  const inputs = (form[2] ?? '').matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)
  return Object.fromEntries([...inputs].map(([, name, value]) => [name ?? '', value ?? '']))
}

/** The text of a page, without its tags, and with all hyphens alike. */
export const wordsOf = ({ body }: Pick<Shown, 'body'>): string =>
  body
    .replaceAll('\u2011', '-')
    .replace(/<head>[\s\S]*?<\/head>/, '')
    .replace(/<\/?time\b[^>]*>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
