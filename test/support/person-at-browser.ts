type Person = { readonly email: string; readonly password: string }

/**
 * Somebody opens an address in a browser of their own, over HTTP: signs in, opens an app if one is offered, leaves everything ticked that it asks
 * for, and allows it. Answers the address to which the browser leaves the server.
 */
export const allow = async (link: string, person: Person): Promise<string> => {
  const { origin } = new URL(link)
  const ask = openCookieJar()
  let url = link
  while (url.startsWith(origin)) {
    const shown = await ask(url)
    const answer = shown.status === 200 ? await send(ask, url, await shown.text(), person) : shown
    const location = answer.headers.get('location')
    if (location === null) throw new Error(`${url} was answered ${answer.status}: ${await answer.text()}`)
    url = new URL(location, url).href
  }
  return url
}

type Ask = ReturnType<typeof openCookieJar>

const openCookieJar = () => {
  const cookies = new Map<string, string>()
  return async (url: string, body?: URLSearchParams): Promise<Response> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const posted = body === undefined ? {} : { method: 'POST', body }
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie }, ...posted })
    for (const one of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(one) ?? []
      cookies.set(name, value)
    }
    return answer
  }
}

const send = (ask: Ask, url: string, page: string, { email, password }: Person): Promise<Response> => {
  const typed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    password: { email, password },
    decision: { decision: 'allow' },
    // Its button opens an app.
    app: {},
  }
  for (const [field, values] of Object.entries(typed)) {
    const [, to = '', content = ''] = formsIn(page).find(([, , inner]) => inner?.includes(`name="${field}"`)) ?? []
    if (to === '') continue
    const filled = [...content.matchAll(/<input [^>]*>/g)].filter(([input]) => /type="hidden"| checked/.test(input))
    const body = new URLSearchParams(filled.map(([input]) => [attribute(input, 'name'), attribute(input, 'value')]))
    for (const [name, value] of Object.entries(values)) body.append(name, value)
    return ask(new URL(to, url).href, body)
  }
  throw new Error(`there is nothing to decide on ${url}: ${page}`)
}

const formsIn = (page: string) => [...page.matchAll(/<form method="post" action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g)]

const attribute = (input: string, name: string): string =>
  (new RegExp(` ${name}="([^"]*)"`).exec(input)?.[1] ?? '').replaceAll('&amp;', '&').replaceAll('&quot;', '"')
