import type { FastifyReply } from 'fastify'
import { titleOf } from '../../studies/definition/study-title.ts'
import { type Html, html } from '../page/html.ts'
import { pageTitle } from '../page/list-place.ts'
import { printedLine } from '../page/printed-line.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { notRead } from './not-read.ts'
import type { ReadStudy } from './read-study.ts'

const tabs = [
  ['', 'People'],
  ['/completeness', 'Completeness'],
  ['/arrivals', 'Newest data'],
  ['/notebook', 'Notebook'],
] as const

type Shown = {
  readonly tab: (typeof tabs)[number][0]
  readonly content: Html
  /** Whether it is as wide as the page, or only as wide as is good for reading. */
  readonly isWide?: true
  readonly isProblem?: boolean
  /** Of its list, from 1 on. */
  readonly page?: number
}

/** One of the pages of a study. */
export const sendStudyPage = (
  reply: FastifyReply,
  { study }: ReadStudy,
  { tab, content, isWide, isProblem = false, page = 1 }: Shown,
): FastifyReply => {
  const title = titleOf(study)
  const name = tabs.find(([path]) => path === tab)?.[1]
  return sendStaffPage(reply, {
    title: pageTitle(tab === '' ? title : `${name}: ${title}`, page),
    isProblem,
    isWide: true,
    content: html`<h1>${title}</h1>
${printedLine()}
<nav aria-label="The study" class="tabs"><ul class="list-unstyled d-flex flex-wrap mb-0">${tabs.map(
      ([path, name]) =>
        html`<li><a href="/studies/${study.id}${path}"${path === tab && html` aria-current="page"`}>${name}</a></li>`,
    )}</ul></nav>
${notRead(study)}
<div${!isWide && html` class="narrow"`}>
${content}
<p class="no-print"><a href="/studies">Back to the studies</a></p>
</div>`,
  })
}
