import type { Patient } from '@medplum/fhirtypes'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { afterwards } from '../../accounts/tell.ts'
import type { Duplicate } from '../../studies/patient/duplicate-patients.ts'
import type { PageOptions } from '../page/add-page.ts'
import { selectField } from '../page/choice-field.ts'
import { FieldError } from '../page/field-error.ts'
import { form, notice, type Option, postForm } from '../page/form.ts'
import { formTokenOf } from '../page/form-token.ts'
import { isFramed } from '../page/frame.ts'
import { type Html, html } from '../page/html.ts'
import { sendPage } from '../page/page.ts'
import { typed } from '../page/typed.ts'
import { digestOf, duplicateLine, moreDuplicates, mostDuplicates } from '../patient/duplicate-line.ts'
import { patientFacts } from '../patient/patient-facts.ts'
import { type OfArrival, type Register, toPatient } from './launch-step.ts'

/** What would be saved about a patient whom an EHR has opened, after those here who may be the same. */
export const sendRegister = async (
  request: FastifyRequest<OfArrival>,
  reply: FastifyReply,
  options: PageOptions,
  step: Register,
): Promise<FastifyReply> =>
  sendQuestion(request, reply, options, {
    ...step,
    duplicates: await options.registering.duplicates(step.person, step.patient),
  })

/** Carries out what was decided there: that it is a patient who is here, or another who is not like any that were not shown. */
export const registerLaunched = async (
  request: FastifyRequest<OfArrival>,
  reply: FastifyReply,
  options: PageOptions,
  step: Register,
): Promise<FastifyReply> => {
  const { body, params } = request
  const { arrivals } = options.ehrLaunches
  const same = typed(body, 'same')
  const organization = typed(body, 'organization')
  const done = async (id: string) => {
    await afterwards(options.accounts, () => arrivals.drop(params.arrival))
    return toPatient(request, reply, options, id)
  }
  if (same !== '') {
    const duplicates = await options.registering.duplicates(step.person, step.patient)
    const found = duplicates.find(({ patient }) => patient.id === same)
    // It was shown as one that can be chosen until the EHR got another identifier for it.
    if (found !== undefined && isManaged(step, found) && isNamed(step, found))
      return sendQuestion(request, reply.code(409), options, { ...step, duplicates })
    const patients = duplicates.filter(one => isOwn(step, one)).map(({ patient }) => patient.id ?? '')
    if (!patients.includes(same)) throw new FieldError('same', patients)
    await arrivals.recognize(step.person, step.patient, same)
    return done(same)
  }
  const organizations = openPlacesOf(step).map(place => place.organization)
  if (!organizations.includes(organization)) throw new FieldError('organization', organizations)
  const shown = typed(body, 'anyway')
  const registered = await options.registering.register(
    step.person,
    step.patient,
    { organization },
    found => digestOf(found) === shown,
    arrivals.knownBy(step.patient, [organization]),
  )
  if (registered.kind === 'registered') return done(registered.id)
  if (registered.kind === 'closed')
    throw new FieldError(
      'organization',
      organizations.filter(one => one !== organization),
    )
  return sendQuestion(request, reply.code(409), options, { ...step, duplicates: registered.duplicates })
}

type Shown = Register & { readonly duplicates: readonly Duplicate[] }

const placesOf = ({ places }: Register): Register['places'] => places.filter(({ registers }) => registers)

const openPlacesOf = (step: Register): Register['places'] => placesOf(step).filter(({ isClosed }) => !isClosed)

/** Only those who manage the record may say that the EHR means it; nobody may if the EHR has another identifier for that patient. */
const isOwn = (step: Register, one: Pick<Duplicate, 'patient'>): boolean => isManaged(step, one) && !isNamed(step, one)

const isManaged = (step: Register, { patient }: Pick<Duplicate, 'patient'>): boolean =>
  placesOf(step).some(({ organization }) => patient.managingOrganization?.reference === `Organization/${organization}`)

const isNamed = (step: Register, { patient }: Pick<Duplicate, 'patient'>): boolean =>
  identifierSystems(patient).some(system => identifierSystems(step.patient).includes(system))

const identifierSystems = ({ identifier = [] }: Patient): readonly string[] =>
  identifier.flatMap(({ system }) => system ?? [])

const sendQuestion = (
  request: FastifyRequest<OfArrival>,
  reply: FastifyReply,
  { cookies }: PageOptions,
  shown: Shown,
): FastifyReply => {
  const { patient, arrival, duplicates } = shown
  const title = 'Register this patient?'
  const choices = openPlacesOf(shown).map(
    ({ organization, name }): Option => ({
      value: organization,
      label: name === '' ? organization : name,
    }),
  )
  const token = formTokenOf(request, reply, cookies)
  const action = `/launched/${request.params.arrival}/patient`
  const isAlike = duplicates.length > 0
  return sendPage(reply, {
    title,
    isProblem: isAlike,
    signOut: { token },
    content: html`<h1>${title}</h1>
<p>${new URL(arrival.issuer).host} has opened Sharewell for a patient who is not registered here yet. This is what would be saved, and nothing else:</p>
${patientFacts(patient)}
${isAlike && placesOf(shown).length > 0 && alike(shown, action, token)}
${
  choices.length === 0
    ? html`<p>${placesOf(shown).length === 0 ? 'You may not register patients. Ask a member of your organization to do it.' : 'Your organization is closed: nobody can be registered in it.'}</p>`
    : form({
        action,
        token,
        fields: [],
        hidden: isAlike ? { anyway: digestOf(duplicates) } : {},
        more: selectField({ name: 'organization', label: 'Register for', value: undefined, choices }),
        button: isAlike ? 'Register anyway' : 'Register',
      })
}
${!isFramed(request) && html`<p><a href="/account">Do not register</a></p>`}`,
  })
}

const alike = (shown: Shown, action: string, token: string): Html =>
  notice(
    'problem',
    html`<h2 class="alert-heading">There may be a record of this patient already</h2>
<ul>${shown.duplicates.slice(0, mostDuplicates).map(one => html`<li><span id="alike-${one.patient.id}">${duplicateLine(one)}</span>${isOwn(shown, one) && itIs(one, action, token)}</li>`)}</ul>
${moreDuplicates(shown.duplicates)}
${shown.duplicates.some(one => isOwn(shown, one)) && html`<p>If it is one of these, choose that record: the identifier above is saved in it, and by it ${new URL(shown.arrival.issuer).host} opens that record for this patient from then on.</p>`}
<p>If it is somebody else, register them anyway.</p>`,
  )

const itIs = ({ patient }: Duplicate, action: string, token: string): Html =>
  postForm(
    { action, token, hidden: { same: patient.id }, class: 'my-2' },
    html`<button class="btn btn-outline-primary" aria-describedby="alike-${patient.id}">Use this record</button>`,
  )
