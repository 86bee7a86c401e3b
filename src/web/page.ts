import type { FastifyReply } from 'fastify'
import { type Html, html } from './html.ts'

export type Page = {
  readonly title: string
  readonly content: Html
  /** Whether something is wrong with what was sent: the title says so first, which is what is read out first. */
  readonly isProblem?: boolean
  /** Whether somebody is signed in: then the way out is shown. `token` is what the form needs. */
  readonly signOut?: { readonly token: string }
}

/** A whole page, in the one frame that all have. */
export const sendPage = (reply: FastifyReply, page: Page): FastifyReply =>
  reply.type('text/html; charset=utf-8').header('cache-control', 'no-store').send(framed(page).text)

const framed = ({ title, content, isProblem = false, signOut }: Page): Html => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${isProblem && 'Problem: '}${title} – Sharewell</title>
<link rel="stylesheet" href="/static/style.css">
<link rel="stylesheet" href="/static/choice.css">
<link rel="stylesheet" href="/static/list.css">
<link rel="stylesheet" href="/static/codes.css">
<link rel="stylesheet" href="/static/organization.css">
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header class="top">
<div class="inner">
<a class="name" href="/account">Sharewell</a>
${signOut && html`<form method="post" action="/sign-out"><input type="hidden" name="_csrf" value="${signOut.token}"><button class="plain">Sign out</button></form>`}
</div>
</header>
<main id="content" tabindex="-1">
${content}
</main>
</body>
</html>
`
