import type { FastifyReply } from 'fastify'
import { type Words, wordsFor } from '../../messages/catalogue.ts'
import { pageOf } from './continue.ts'
import { postForm } from './form.ts'
import { addressAgain, isFramed } from './frame.ts'
import { type Html, html } from './html.ts'
import { navigation } from './navigation.ts'
import { outboxNote } from './outbox-note.ts'
import { sessionEnding } from './session-ending.ts'

export type Page = {
  readonly title: string
  readonly content: Html
  /** Whether something is wrong with what was sent. The title begins with that, since it is read out first. */
  readonly isProblem?: boolean
  /** If somebody is signed in: the token for the form that signs them out. */
  readonly signOut?: { readonly token: string }
  /** For a page for patients, in their language. */
  readonly words?: Words
  /** For tables and charts; everything else is only as wide as is good for reading. */
  readonly isWide?: boolean
  /** Whether it reloads every few seconds if there are no scripts. */
  readonly isRefreshed?: boolean
  /** For the answer to a form: the address of the page that the form was on, if that says more than its path. */
  readonly address?: string
}

/** Sends a whole page, as all pages are sent. In an EHR's frame, it has no links to pages that cannot be shown there. */
export const sendPage = (reply: FastifyReply, page: Page): FastifyReply =>
  reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(whole(page, around(reply, page)).text)

/** The same as text, for somebody else's answer. */
export const pageText = (page: Page): string =>
  whole(page, {
    isFramed: false,
    again: undefined,
    ways: undefined,
    ending: undefined,
    inHistory: undefined,
    page: undefined,
    outbox: false,
  }).text

type Around = {
  readonly isFramed: boolean
  readonly again: string | undefined
  readonly ways: Html | undefined
  /** What is said before somebody's session ends. */
  readonly ending: Html | undefined
  /** The module that minds what becomes of it in the browser's history. */
  readonly inHistory: 'kept' | 'answered' | undefined
  /** For the answer to a form: the address of the page that it was on, if that is another than its own. */
  readonly page: string | undefined
  /** Where the messages of a server are that sends none. */
  readonly outbox: Html | false
}

const around = (reply: FastifyReply, { signOut, words, address }: Page): Around => {
  const { request } = reply
  const framed = isFramed(request)
  const again = addressAgain(request)
  const place = framed ? undefined : placeOf(reply)
  const isOfSession = !framed && signOut !== undefined
  return {
    isFramed: framed,
    again,
    ways: isOfSession ? navigation(request, words) : undefined,
    ending: isOfSession && request.session ? sessionEnding(request.session.ending, words) : undefined,
    inHistory: request.method === 'GET' ? 'kept' : place && 'answered',
    page: place && (address ?? (place === 'own' ? undefined : place.page)),
    outbox: !framed && outboxNote(request, words),
  }
}

/** Pages that do not exist, or are not for the person, look the same wherever they were asked for. */
const tellsNothing: ReadonlySet<number> = new Set([404, 410])

/** For the answer to a form: where the page of the form is. Undefined if it was on none of ours. */
const placeOf = ({ statusCode, request }: FastifyReply): 'own' | { readonly page: string } | undefined => {
  const { method, routeOptions, server } = request
  const { url, config } = routeOptions
  if (method !== 'POST' || url === undefined || config.isPostedByOthers || tellsNothing.has(statusCode))
    return undefined
  return server.hasRoute({ method: 'GET', url }) ? 'own' : { page: pageOf(request) }
}

const whole = (
  { title, content, isProblem = false, signOut, words, isWide = false, isRefreshed = false }: Page,
  { isFramed, again, ways, ending, inHistory, page, outbox }: Around,
): Html => {
  return html`<!doctype html>
<html ${languageOf(words)}${addressesFor({ again, page })}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${isProblem && `${words?.say('problem') ?? 'Problem'}: `}${title} – Sharewell</title>
<link rel="icon" type="image/svg+xml" href="/static/icon.svg">
<link rel="stylesheet" href="/static/bootstrap/${sheets[words?.direction ?? 'ltr']}">
<link rel="stylesheet" href="/static/theme.css">
<link rel="stylesheet" href="/static/dark.css" media="screen and (prefers-color-scheme: dark)">
<link rel="stylesheet" href="/static/style.css">
<link rel="stylesheet" href="/static/layout.css">
<link rel="stylesheet" href="/static/print.css" media="print">
${isRefreshed && html`<noscript><meta http-equiv="refresh" content="3"></noscript>`}
<script type="module" src="/static/time.js"></script>
<script type="module" src="/static/once.js"></script>
<script type="module" src="/static/calendar.js"></script>
${inHistory && html`<script type="module" src="/static/${inHistory}.js"></script>`}
${again !== undefined && html`<script type="module" src="/static/frame.js"></script>`}
${ending}
</head>
<body>
<a class="visually-hidden-focusable d-inline-block p-3" href="#content">${words?.say('skip') ?? 'Skip to the content'}</a>
<header class="navbar border-bottom">
<div class="container-xl">
${isFramed ? html`<span class="navbar-brand fw-bold">Sharewell</span>` : html`<a class="navbar-brand fw-bold" href="/account">Sharewell</a>`}
${!isFramed && signOut && postForm({ action: '/sign-out', token: signOut.token }, html`<button class="btn btn-outline-primary btn-sm">${words?.say('sign-out') ?? 'Sign out'}</button>`)}
${ways}
</div>
</header>
<main id="content" class="container-xl py-4" tabindex="-1">
${isWide ? content : html`<div class="narrow">${content}</div>`}
</main>
${outbox}
</body>
</html>
`
}

/** What the modules write into the browser's history. */
const addressesFor = ({ again, page }: Pick<Around, 'again' | 'page'>): Html =>
  html`${again !== undefined && html` data-again="${again}"`}${page !== undefined && html` data-page="${page}"`}`

const languageOf = ({ code, direction }: Words = wordsFor('en')): Html =>
  html`lang="${code}"${direction === 'rtl' && html` dir="rtl"`}`

/** Bootstrap has one for each direction. */
const sheets = { ltr: 'bootstrap.min.css', rtl: 'bootstrap.rtl.min.css' } as const
