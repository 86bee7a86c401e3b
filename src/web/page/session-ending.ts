import { type Words, wordsFor } from '../../messages/catalogue.ts'
import type { SessionEnding } from '../../storage/account/session.ts'
import { type Html, html } from './html.ts'

/**
 * What the page says, where scripts run, some time before the session ends, and when it has ended.
 * https://www.w3.org/WAI/WCAG22/Understanding/timing-adjustable
 */
export const sessionEnding = ({ inSeconds }: SessionEnding, words: Words = wordsFor('en')): Html => {
  const { say } = words
  return html`<template id="session-ending" data-seconds="${roundedDown(inSeconds)}">
${dialog('idle', say('ends.title'), say('ends.text'), html`<button type="button" class="btn btn-primary" data-stay>${say('ends.stay')}</button>`)}
${dialog('final', say('ends.title'), say('ends.final'), signInAgain(words, { prompt: 'login' }))}
${dialog('over', say('ends.over-title'), say('ends.over'), signInAgain(words))}
</template>
<link rel="stylesheet" href="/static/dialog.css">
<script type="module" src="/static/session-ending.js"></script>`
}

/** What is shown twice is the same as long as the session is being used. That the server is asked too early does no harm. */
const roundedDown = (seconds: number): number => Math.floor((seconds - 1) / 300) * 300

const dialog = (kind: 'idle' | 'final' | 'over', title: string, text: string, ways: Html): Html =>
  html`<dialog data-kind="${kind}" aria-labelledby="session-ending-title" aria-describedby="session-ending-text">
<h2 class="mt-0" id="session-ending-title">${title}</h2>
<p id="session-ending-text">${text}</p>
<p class="d-flex flex-wrap gap-2 mb-0">${ways}</p>
</dialog>`

const signInAgain = ({ say }: Words, asked: { readonly prompt?: 'login' } = {}): Html => {
  const query = new URLSearchParams({ continue: '/account?done=again', ...asked })
  return html`<a class="btn btn-primary" href="/sign-in?${query.toString()}" target="_blank" rel="noopener">${say('typed.sign-in')}</a>
<button type="button" class="btn btn-outline-primary" data-close>${say('ends.back')}</button>`
}
