import type { StudyActionKind } from '../../storage/study/study-action.ts'
import { radioField } from '../page/choice-field.ts'
import { notice, postForm } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { ticked, typed } from '../page/typed.ts'

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

/**
 * Whether to ask once more before something is done to all who are listed: if they are more than a page shows, nobody has seen whom it
 * concerns, and messages cannot be taken back. Those who come to be listed after the question have not been asked about.
 */
export const isUnsureOf = (body: unknown, targets: readonly string[], pageSize: number): boolean =>
  typed(body, 'who') === 'all' && targets.length > Math.max(pageSize, Number(typed(body, 'sure')) || 0)

/** How many of those who were ticked are not among the targets any more. */
export const goneOf = (body: unknown, name: 'patient' | 'subject', targets: readonly string[]): number =>
  typed(body, 'who') === 'all' ? 0 : new Set(ticked(body, name)).size - targets.length

/** Says so on the page to which the form leads, which has the number in its address. */
export const goneNotice = (query: URLSearchParams): Html | undefined => {
  const gone = query.get('gone') ?? ''
  if (!/^[1-9]\d{0,5}$/.test(gone)) return undefined
  return notice(
    'problem',
    html`<p>Nothing was done for ${gone} of those whom you ticked: since you opened the page they were removed, their place has ended, or you may not see them any more.</p>`,
  )
}

type Asked = {
  readonly action: string
  readonly token: string
  /** The fields of the form that was sent. */
  readonly hidden: Readonly<Record<string, string | undefined>>
  readonly what: StudyActionKind
  readonly count: number
  /** The title of the study. */
  readonly study: string
  /** The list from which they were chosen. */
  readonly back: string
}

/** Says how many people it concerns, and what it does to them. */
export const sureForm = ({ action, token, hidden, what, count, study, back }: Asked): Html => {
  const { verb, text } = texts[what]
  const title = sureTitle(what, count)
  return html`<h1>${title}</h1>
<dl><dt>Study</dt><dd>${study}</dd></dl>
<p>They are all who are listed, on all pages. ${text}</p>
${postForm(
  { action, token, hidden: { ...hidden, who: 'all', sure: String(count) } },
  html`<div class="d-flex flex-wrap gap-3 mt-4"><button class="btn btn-primary">${verb(counted(count))}</button>
<a class="btn btn-outline-primary" href="${back}">Back to the list</a></div>`,
)}`
}

export const sureTitle = (what: StudyActionKind, count: number): string => `${texts[what].verb(counted(count))}?`

const counted = (count: number): string => `${count.toLocaleString('en')} people`

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
