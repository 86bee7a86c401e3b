type Invitation = {
  readonly email: string
  readonly password: string
  /** Id of the ResearchStudy. */
  readonly study: string
  /** Id of the ResearchSubject. */
  readonly subject: string
}

/**
 * Invites somebody on the page of the study, as staff do, so that there is a letter to open. Answers whether there is one: a server that others
 * can reach, or that sends its letters, has no outbox, and then nobody is written to.
 */
export const sendFirstLetter = async (
  address: string,
  { email, password, study, subject }: Invitation,
): Promise<boolean> => {
  const pages = openPages(address)
  if ((await pages.get('/outbox')).status !== 200) return false
  await pages.send('/sign-in', '/sign-in', { email, password })
  const page = `/studies/${study}`
  await pages.send(page, `${page}/people/${subject}/invite`)
  await pages.send(page, '/sign-out')
  return true
}

type Pages = {
  readonly get: (path: string) => Promise<{ readonly status: number; readonly text: string }>
  /** Sends a form of the page `from`. Throws if it is not accepted. */
  readonly send: (from: string, action: string, fields?: Readonly<Record<string, string>>) => Promise<void>
}

/** A browser for a few pages, which keeps their cookies. */
const openPages = (address: string): Pages => {
  const cookies = new Map<string, string>()
  const ask = async (path: string, form?: URLSearchParams) => {
    const cookie = [...cookies].map(pair => pair.join('=')).join('; ')
    const sent = form === undefined ? {} : { method: 'POST', body: form }
    const answer = await fetch(`${address}${path}`, { ...sent, headers: { cookie }, redirect: 'manual' })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    return { status: answer.status, text: await answer.text() }
  }
  return {
    get: ask,
    send: async (from, action, fields = {}) => {
      const [, token = ''] = /name="_csrf" value="([^"]+)"/.exec((await ask(from)).text) ?? []
      const { status } = await ask(action, new URLSearchParams({ _csrf: token, ...fields }))
      if (status !== 303) throw new Error(`the form to ${action} was answered with ${status}`)
    },
  }
}
