import type { AddPage } from './add-page.ts'
import { quarantineDocumentPage } from './quarantine-document.ts'
import { sourceIntakePages } from './source-intake.ts'
import { sourcePolicyPage } from './source-policy.ts'
import { studyPolicyPage } from './study-policy.ts'
import { studyQuarantinePage } from './study-quarantine.ts'

/** How strictly what is sent is judged, what has come, and what was refused. */
export const intakePages: AddPage = (server, options) => {
  for (const add of [sourcePolicyPage, sourceIntakePages, quarantineDocumentPage, studyPolicyPage, studyQuarantinePage])
    add(server, options)
}
