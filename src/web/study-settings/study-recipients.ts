import { staffFromElsewhere } from '../../storage/study/study-recipients.ts'
import type { ChangeableStudy } from '../../studies/definition/study-change.ts'
import { findPractitioners } from '../../studies/definition/study-staff.ts'
import { versionsOf } from '../../studies/definition/study-text.ts'
import { leavesRecipients, recipientsIn } from '../../studies/definition/text-recipients.ts'
import type { PageOptions } from '../page/add-page.ts'
import { postForm } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { codeText } from './study-staff-list.ts'

/** What the text that patients sign leaves open about who receives data, or does not say yet. */
export const recipients = async (
  changeable: ChangeableStudy,
  options: PageOptions,
  token: string,
): Promise<Html | undefined> => {
  const { id, study, store } = changeable
  if (versionsOf(study).length === 0) return undefined
  const staff = await fromElsewhere(changeable, options)
  const names = await findPractitioners(store, options.registry, staff)
  const listed = (ids: readonly string[]) =>
    html`<ul>${ids.map(one => html`<li>${names.get(one) ?? codeText(one)}</li>`)}</ul>`
  const named = recipientsIn(study)
  if (leavesRecipients(study))
    return html`<h2>Who receives data</h2>
<p>The text leaves open who receives data. As long as anybody shares by it, nobody who works elsewhere can be added to the staff.
State that only these receive what is shared by it, and others can be added: they read of patients who sign a later version that names them, and of nobody else.</p>
<ul><li>Those who work in the study’s organization, as its staff or by the access that was chosen</li></ul>
${listed(staff)}
${postForm({ action: `/studies/${id}/settings/text/recipients`, token, hidden: { version: changeable.version } }, html`<button class="btn btn-outline-primary">State that these receive data</button>`)}`
  const missing = staff.filter(one => named?.includes(one) !== true)
  return missing.length === 0
    ? undefined
    : html`<h2>Who receives data</h2>
<p class="alert alert-warning">The version that patients sign now does not name these people. The next one will; until a patient has signed it, they read nothing of that patient.</p>
${listed(missing)}`
}

/** The staff of other organizations. */
export const fromElsewhere = ({ id }: ChangeableStudy, { accounts }: PageOptions): Promise<readonly string[]> =>
  staffFromElsewhere(accounts.database, id)
