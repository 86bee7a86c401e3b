import type { ResearchStudy } from '@medplum/fhirtypes'
import { isInForce } from '../../storage/model/study.ts'
import { reasonNotToAsk } from '../../studies/definition/study-status.ts'
import type { Invited } from '../../studies/invitation/invitations.ts'
import type { EnrolledPerson } from '../../studies/people/enrolled-people.ts'
import type { PageOptions } from '../page/add-page.ts'
import { selectField } from '../page/choice-field.ts'
import { box, field, postForm, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { orderField, orderProblem, orderQuery } from '../page/list-order.ts'
import { standingText, unreachedText } from './invitation-text.ts'
import { type InvitationsAsked, invitedChoices, stateChoices } from './invitations-asked.ts'
import { whoField } from './many-asked.ts'
import { peopleUrl } from './people-asked.ts'
import { answered, nameOf, notAsked } from './study-person.ts'
import { wayField } from './way-field.ts'

type Shown = {
  readonly path: string
  readonly asked: InvitationsAsked
  readonly people: readonly EnrolledPerson[]
  readonly invited: ReadonlyMap<string, Invited>
  readonly total: number
  readonly study: ResearchStudy
  readonly options: PageOptions
  readonly token: string
  readonly hasOutbox: boolean
}

/** The people who are listed, and what is done with those who are ticked, or with all. */
export const invitationsForm = ({
  path,
  asked,
  people,
  invited,
  total,
  study,
  options,
  token,
  hasOutbox,
}: Shown): Html =>
  postForm(
    {
      action: path,
      token,
      isListed: true,
      hidden: {
        state: asked.state,
        invited: asked.invited,
        find: asked.text,
        ...orderQuery(asked.order),
        page: asked.page > 1 ? String(asked.page) : undefined,
      },
      class: 'mt-4',
    },
    html`<fieldset>
<legend class="visually-hidden">People who are listed</legend>
<ul class="list-group list-group-flush mb-4">${people.map(person => html`<li class="list-group-item px-0"><div class="row"><div class="col-md-6">${personBox(person)}</div><div class="col-md-6 py-md-1">${standingText(invited.get(person.id), person, { study, hasOutbox })}${unreachedText(invited.get(person.id), person, { study, back: peopleUrl(path, asked, asked.invited && { invited: asked.invited }) })}</div></div></li>`)}</ul>
</fieldset>
<div class="narrow">
${whoField(total === 1 ? 'The one who is listed' : `All ${total} who are listed, on all pages`)}
${isInForce(study) && wayField(options.invitations.ways)}
<div class="d-flex flex-wrap gap-2 mb-4">${waysToAct(study)}
<button class="btn btn-outline-primary" name="do" value="cancel">Cancel the invitations</button>
</div>
${whatTheyDo(study)}
</div>`,
  )

/** Whoever shares already may also be reminded where nobody is invited any more. */
const waysToAct = (study: ResearchStudy): Html =>
  html`${
    reasonNotToAsk(study) === undefined &&
    html`
<button class="btn btn-primary" name="do" value="invite">Invite</button>`
  }${
    isInForce(study) &&
    html`
<button class="btn btn-outline-primary" name="do" value="remind">Remind</button>`
  }`

const whatTheyDo = (study: ResearchStudy): Html | undefined => {
  if (!isInForce(study)) return undefined
  return html`<p class="text-body-secondary">${
    reasonNotToAsk(study) === undefined
      ? 'Inviting replaces an invitation that is open, and leaves alone those who have answered. Reminders go to those who have not answered, who signed an earlier text, or who share but send nothing, every three days at most.'
      : 'Reminders go to those who share but send nothing, every three days at most.'
  }</p>`
}

const personBox = (person: EnrolledPerson): Html =>
  person.hasEnded
    ? html`${nameOf(person)} <span class="badge text-bg-secondary">Place has ended</span>`
    : box({
        type: 'checkbox',
        name: 'subject',
        value: person.id,
        label: nameOf(person),
        hint: answerText(person),
      })

const answerText = (person: EnrolledPerson): string | undefined => {
  const gone = notAsked(person)
  const parts = [
    gone && `${gone.charAt(0).toUpperCase()}${gone.slice(1)}.`,
    person.state && answered(person),
    person.isSilent && 'They share, but nothing of theirs comes.',
  ].filter(Boolean)
  return parts.length === 0 ? undefined : parts.join(' ')
}

/** The form that chooses whom the page lists. */
export const invitationsFilter = (
  path: string,
  { state, invited, problems, text, order }: InvitationsAsked,
  seesAnswers: boolean,
): Html => {
  const fields = [
    { name: 'invited', label: 'Invitation', value: invited ?? '', choices: invitedChoices, problem: problems.invited },
    ...(seesAnswers
      ? [{ name: 'state', label: 'Answer', value: state ?? '', choices: stateChoices, problem: problems.state }]
      : []),
  ]
  return html`${problemList([...fields, orderProblem(order)])}
<form method="get" action="${path}" role="search" aria-label="People" class="finds">
<div class="columns">
${field({ name: 'find', label: 'Part of a name or code', value: text, autocomplete: 'off', optional: true })}
${fields.map(selectField)}
${orderField(order)}
</div>
<button class="btn btn-outline-primary">Show</button>
</form>`
}
