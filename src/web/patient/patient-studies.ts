import type { Patient } from '@medplum/fhirtypes'
import { nameText } from '../../fhir/display-name.ts'
import { chosenIn } from '../../storage/model/study.ts'
import { titleOf } from '../../studies/definition/study-title.ts'
import { findPatientStudies } from '../../studies/patient/patient-studies.ts'
import { reasonNotToWrite } from '../../studies/patient/reason-not-to-write.ts'
import type { PageOptions } from '../page/add-page.ts'
import { type Html, html } from '../page/html.ts'
import { placeUrl } from './patient-back.ts'

/** In which studies a patient is, and from here into which others staff can enrol them; nothing if there are none. */
export const patientStudies = async (
  options: PageOptions,
  person: string,
  patient: Patient,
): Promise<Html | undefined> => {
  const { joined, open } = await findPatientStudies(options, person, patient.id ?? '')
  const others = reasonNotToWrite(patient) === undefined ? open : []
  if (joined.length === 0 && others.length === 0) return undefined
  return html`<section class="no-print">
<h2>Studies</h2>
${joined.length === 0 ? html`<p>The patient is in no study that you can see.</p>` : html`<p>The patient is in:</p><ul>${joined.map(one => html`<li><a href="${placeAddress(one, patient)}">${titleOf(one.study)}</a>${one.codes.length > 0 && `, as ${one.codes.join(', ')}`}</li>`)}</ul>`}
${others.length > 0 && html`<p>To ask the patient to take part in ${joined.length === 0 ? 'one' : 'another'}, enrol and invite them:</p><ul>${others.slice(0, most).map(study => html`<li><a href="/studies/${study.id}/enrolment?${asked(patient)}">Enrol in ${titleOf(study)}</a></li>`)}</ul>`}
${others.length > most && html`<p>You find the others among your <a href="/studies">studies</a>.</p>`}
</section>`
}

/** A study that knows people by code has no address of the Patient on its pages, so those lead back to the study. */
const placeAddress = (
  { study, id }: Awaited<ReturnType<typeof findPatientStudies>>['joined'][number],
  patient: Patient,
): string =>
  placeUrl(study, id, chosenIn(study, 'identity') === 'coded' ? `/studies/${study.id}` : `/patients/${patient.id}`)

const most = 10

/** The search for patients that finds this one, and who is ticked in what it finds. */
const asked = ({ id = '', name = [], birthDate }: Patient): string =>
  new URLSearchParams({
    patient: id,
    ...(name[0] !== undefined && { name: nameText(name[0]) }),
    ...(birthDate !== undefined && { birthDate }),
  }).toString()
