import { wholeNumber } from './accepted.ts'
import { option, setting } from './setting.ts'

/** How long invitations last, and the apps that open them if they are installed. */
export const invitationVariables = {
  invitationDays: setting({
    name: 'INVITATION_DAYS',
    fallback: '7',
    accepts: 'a whole number of days from 1 to 90',
    effect: 'For how many days a patient can use an invitation to a study.',
    parse: wholeNumber(1, 90),
  }),
  invitationApps: setting({
    name: 'INVITATION_APPS',
    fallback: '[]',
    accepts: 'JSON such as [{"name":"CommonHealth","link":"commonhealth://invitation?link={link}"}]',
    effect:
      'Apps with which the page of an invitation offers to open it, as a JSON list. {link} is the address of the invitation, and {secret} the secret in it, both encoded for a URL.',
    parse: invitationApps,
  }),
  androidApps: option({
    name: 'ANDROID_APPS',
    otherwise: 'no /.well-known/assetlinks.json',
    accepts:
      'the package and the SHA-256 fingerprint of its certificate, such as org.example.app=AB:CD:…, separated by commas',
    effect: 'Android apps that open links of invitations instead of a browser.',
    parse: androidApps,
  }),
  appleApps: option({
    name: 'APPLE_APPS',
    otherwise: 'no /.well-known/apple-app-site-association',
    accepts: 'identifiers such as ABCDE12345.org.example.app, separated by commas',
    effect: 'Apps for iPhones that open links of invitations instead of a browser.',
    parse: appleApps,
  }),
}

export type InvitationApp = { readonly name: string; readonly link: string }

type AndroidApp = { readonly packageName: string; readonly fingerprint: string }

function invitationApps(text: string): readonly InvitationApp[] | undefined {
  const list = parsed(text)
  return Array.isArray(list) && list.every(isApp) ? list.map(({ name, link }) => ({ name, link })) : undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isApp = (one: unknown): one is InvitationApp => {
  const { name, link } = (one ?? {}) as { readonly name?: unknown; readonly link?: unknown }
  if (typeof name !== 'string' || typeof link !== 'string' || !/^\P{Cc}{1,60}$/u.test(name)) return false
  const scheme = /^([a-z][a-z0-9+.-]*):/.exec(link)?.[1]
  return scheme !== undefined && !neverOpened.has(scheme) && /\{(link|secret)\}/.test(link) && URL.canParse(link)
}

/** Schemes that would run something in our page, or show it as if it were ours. */
const neverOpened: ReadonlySet<string> = new Set(['javascript', 'data', 'blob', 'file', 'vbscript', 'http'])

function androidApps(text: string): readonly AndroidApp[] | undefined {
  const given = text
    .split(',')
    .map(one => /^([a-zA-Z][\w]*(?:\.[a-zA-Z]\w*)+)=((?:[0-9A-F]{2}:){31}[0-9A-F]{2})$/.exec(one.trim()))
  const apps = given.flatMap(match =>
    match === null ? [] : [{ packageName: match[1] ?? '', fingerprint: match[2] ?? '' }],
  )
  return apps.length === given.length ? apps : undefined
}

function appleApps(text: string): readonly string[] | undefined {
  const given = text.split(',').map(one => one.trim())
  return given.every(one => /^[A-Z0-9]{10}\.[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$/.test(one)) ? given : undefined
}
