import type { FastifyRequest } from 'fastify'
import { queryOf } from '../http/presentation.ts'
import { findEnrolledPeople } from '../studies/enrolled-people.ts'
import type { PageOptions } from './add-page.ts'
import { notice } from './form.ts'
import { type Html, html } from './html.ts'
import { whomFact } from './study-person.ts'
import type { ReadStudy } from './study-reading.ts'

const doneTexts = {
  withdrawn:
    'The patient is withdrawn: they give this study nothing from now on. Your reason is kept with the consent.',
  confirmed: 'What the patient signed on paper is confirmed, and counts from now on.',
  discarded: 'What was recorded from paper is discarded, and counts for nothing.',
} as const

/** The page of a study, which tells that this was done there, and for whom. */
export const doneUrl = (study: string, subject: string, done: keyof typeof doneTexts): string =>
  `/studies/${study}?${new URLSearchParams({ done, subject })}`

/** What the form that led here has done, and for whom; nothing where the reader sees nobody like this in the study. */
export const doneNotice = async (
  request: FastifyRequest,
  options: PageOptions,
  { caller, study, seesAnswers }: ReadStudy,
): Promise<Html | undefined> => {
  const query = queryOf(request)
  const text = new Map<string, string>(Object.entries(doneTexts)).get(query.get('done') ?? '')
  const subject = /^[A-Za-z0-9.-]{1,64}$/.exec(query.get('subject') ?? '')?.[0]
  if (text === undefined || subject === undefined) return undefined
  const wanted = { state: undefined, among: [subject], text: '', sort: 'name', offset: 0, limit: 1 } as const
  const [whom] = (await findEnrolledPeople(options, caller, study, { ...wanted, seesAnswers })).people
  return whom && notice('done', html`<p>${text}</p><dl class="mb-0">${whomFact(whom)}</dl>`)
}
