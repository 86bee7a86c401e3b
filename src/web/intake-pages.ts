import { quarantineDocumentPage } from './intake/quarantine-document.ts'
import { sourceIntakePages } from './intake/source-intake.ts'
import { sourcePolicyPage } from './intake/source-policy.ts'
import type { AddPage } from './page/add-page.ts'
import { studyQuarantinePage } from './study/study-quarantine.ts'
import { studyPolicyPage } from './study-settings/study-policy.ts'

/** How strictly what is sent is judged, what has come, and what was refused. */
export const intakePages: AddPage = (server, options) => {
  for (const add of [sourcePolicyPage, sourceIntakePages, quarantineDocumentPage, studyPolicyPage, studyQuarantinePage])
    add(server, options)
}
