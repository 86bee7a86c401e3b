import type { FastifyReply, FastifyRequest } from 'fastify'
import type { StudyActionKind } from '../../storage/study/study-action.ts'
import type { EnrollingStudy } from '../../studies/patient/registering.ts'
import type { PageOptions } from '../page/add-page.ts'
import { radioField } from '../page/choice-field.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { ticked, typed } from '../page/typed.ts'
import { wayIn } from './way-field.ts'

type Asked = {
  readonly what: StudyActionKind
  /** `name`: its title. */
  readonly study: Pick<EnrollingStudy, 'id' | 'name'>
  /** The page of the list from which they were chosen. */
  readonly page: string
  /** What it was asked for where the form was sent. */
  readonly again: URLSearchParams
  readonly pageSize: number
  /** Of the boxes of the list. */
  readonly name: 'patient' | 'subject'
  /** Those who were chosen. */
  readonly targets: readonly string[]
}

/** Begins it, and leads to its progress; or back to the list, if nobody was chosen. Of more than a page shows, it is asked first whether they are meant. */
export const startOnMany = async (
  request: FastifyRequest,
  reply: FastifyReply,
  { invitations, studyActions }: PageOptions,
  asked: Asked,
): Promise<FastifyReply> => {
  const { what, study, page, again, pageSize, name, targets } = asked
  const { body } = request
  const gone = goneOf(body, name, targets)
  if (targets.length === 0) {
    if (gone > 0) again.set('gone', `${gone}`)
    else again.set('none', 'ticked')
    return reply.redirect(`${page}?${again}`, 303)
  }
  if (isUnsureOf(body, targets, pageSize)) return sendSure(reply, asked)
  const { person } = sessionOf(request)
  const way = wayIn(body, invitations.ways)
  const id = await studyActions.start({ person, study: study.id, what, way, targets })
  return reply.redirect(`/studies/${study.id}/actions/${id}${gone > 0 ? `?gone=${gone}` : ''}`, 303)
}

/**
 * Whether to ask once more before something is done to all who are listed: if they are more than a page shows, nobody has seen whom it
 * concerns, and messages cannot be taken back. Those who come to be listed after the question have not been asked about.
 */
const isUnsureOf = (body: unknown, targets: readonly string[], pageSize: number): boolean =>
  typed(body, 'who') === 'all' && targets.length > Math.max(pageSize, Number(typed(body, 'sure')) || 0)

/** How many of those who were ticked are not among the targets any more. */
const goneOf = (body: unknown, name: 'patient' | 'subject', targets: readonly string[]): number =>
  typed(body, 'who') === 'all' ? 0 : new Set(ticked(body, name)).size - targets.length

/** Says how many people it concerns, and what it does to them. */
const sendSure = (reply: FastifyReply, { what, study, page, again, targets }: Asked): FastifyReply => {
  const { body } = reply.request
  const { verb, text } = texts[what]
  const act = verb(`${targets.length.toLocaleString('en')} people`)
  const title = `${act}?`
  const sent = { ...Object.fromEntries(again), way: typed(body, 'way'), do: typed(body, 'do') }
  return sendStaffPage(reply, {
    title: `${title} ${study.name}`,
    content: html`<h1>${title}</h1>
<dl><dt>Study</dt><dd>${study.name}</dd></dl>
<p>They are all who are listed, on all pages. ${text}</p>
${postForm(
  { action: page, token: ownToken(reply), hidden: { ...sent, who: 'all', sure: String(targets.length) } },
  html`<div class="d-flex flex-wrap gap-3 mt-4"><button class="btn btn-primary">${act}</button>
<a class="btn btn-outline-primary" href="${again.size === 0 ? page : `${page}?${again}`}">Back to the list</a></div>`,
)}`,
  })
}

type Text = { readonly verb: (people: string) => string; readonly text: string }

const texts: Readonly<Record<StudyActionKind, Text>> = {
  enrol: {
    verb: people => `Enrol ${people}`,
    text: 'Whoever is in the study already is left out. No messages are sent.',
  },
  'enrol-and-invite': {
    verb: people => `Enrol and invite ${people}`,
    text: 'Whoever is in the study already is left out. Messages that are sent cannot be taken back.',
  },
  invite: {
    verb: people => `Invite ${people}`,
    text: 'Whoever has answered already is left out. Messages that are sent cannot be taken back, and an invitation that is open is replaced.',
  },
  remind: {
    verb: people => `Remind ${people}`,
    text: 'Whoever needs no reminder, or had one within three days, is left out. Messages that are sent cannot be taken back.',
  },
  cancel: {
    verb: people => `Cancel the invitations of ${people}`,
    text: 'The links in invitations that are open stop working at once.',
  },
}

/** Whether something is done to those who are ticked, or to all: `all` says who they are. */
export const whoField = (all: string): Html =>
  radioField({
    name: 'who',
    label: 'Who it is done to',
    value: 'ticked',
    choices: [
      { value: 'ticked', label: 'Those who are ticked' },
      { value: 'all', label: all },
    ],
  })

/** Says so on the page to which the form leads, which has the number in its address. */
export const goneNotice = (query: URLSearchParams): Html | undefined => {
  const gone = query.get('gone') ?? ''
  if (!/^[1-9]\d{0,5}$/.test(gone)) return undefined
  return notice(
    'problem',
    html`<p>Nothing was done for ${gone} of those whom you ticked: since you opened the page they were removed, their place has ended, or you may not see them any more.</p>`,
  )
}
