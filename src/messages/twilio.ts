import type { Twilio } from 'twilio'
import type { Config } from '../config.ts'
import type { Outbound } from './outbound.ts'
import type { Carry } from './text-message.ts'
import { isNotNow, Undelivered } from './undelivered.ts'

/** https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource; the library is loaded with the first message. */
export const carryByTwilio = (config: Config, outbound: Pick<Outbound, 'send'>): Carry => {
  const { twilioAccountSid = '', twilioAuthToken = '', twilioFrom = '', twilioUrl } = config
  let opening: Promise<Twilio> | undefined
  const open = async (): Promise<Twilio> => {
    const { default: twilio } = await import('twilio')
    return twilio(twilioAccountSid, twilioAuthToken, { httpClient: clientOver(outbound, twilioUrl) as HttpClient })
  }
  const sender = twilioFrom.startsWith('MG') ? { messagingServiceSid: twilioFrom } : { from: twilioFrom }
  return async ({ to, text }) => {
    opening ??= open()
    const { messages } = await opening
    await messages.create({ to, body: text, ...sender }).catch((error: unknown) => {
      const { status, code } = error as { readonly status?: number; readonly code?: number | string }
      if (status === undefined) throw error
      const why = final[code ?? '']
      throw new Undelivered(
        `Twilio refused the text message${why === undefined ? '' : `: ${why}`} (status ${status}${code ? `, error ${code}` : ''})`,
        { isAway: isNotNow(status), isFinal: why !== undefined },
      )
    })
  }
}

/** https://www.twilio.com/docs/api/errors: what no later try changes. */
const final: Readonly<Record<number | string, string>> = {
  21211: 'there is no such number',
  21408: 'this account does not write to numbers of that country',
  21610: 'whoever has the number wants no more messages from this sender',
  21612: 'this sender cannot reach that number',
  21614: 'the number is not that of a mobile phone',
}

type HttpClient = NonNullable<NonNullable<ConstructorParameters<typeof Twilio>[2]>['httpClient']>
type Asked = Parameters<HttpClient['request']>[0]

/** Replaces Twilio's own client, so that the rules for everything that leaves this server apply to it as well. */
const clientOver = (outbound: Pick<Outbound, 'send'>, origin: string) => ({
  request: async ({ method, uri, username = '', password = '', headers = {}, data = {} }: Asked) => {
    const { pathname, search } = new URL(uri)
    const { status, body } = await outbound.send({
      url: `${origin}${pathname}${search}`,
      method: method.toUpperCase() as 'GET' | 'POST',
      headers: {
        ...asText(headers),
        authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
      },
      ...(method === 'get' ? {} : { body: new URLSearchParams(asText(data as object)).toString() }),
    })
    // Twilio's library parses the body of an accepted message, and if it could not, the message would be sent again.
    return { statusCode: status, body: status < 300 ? {} : body }
  },
})

const asText = (fields: object): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  )
