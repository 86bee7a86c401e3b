import { howFast, refusedUpload, sentAgain, withdrawal } from './changing.ts'
import { othersRead, patientReads, scopedAppReads, secondStudyReads, studyReads } from './reading.ts'
import type { Play } from './stage.ts'
import { takesUp } from './taking-up.ts'

/** Their order matters: a withdrawal changes what can be read after it. */
export const scenes: readonly Play[] = [
  patientReads,
  scopedAppReads,
  studyReads,
  secondStudyReads,
  othersRead,
  refusedUpload,
  sentAgain,
  withdrawal,
  takesUp,
  howFast,
]
