import type { Extension, ResearchStudy } from '@medplum/fhirtypes'

/** A stored study without what the server has given it, from which another one is made. */
export const studyAnew = ({
  id: _,
  meta: __,
  enrollment: ___,
  extension = [],
  ...study
}: ResearchStudy): ResearchStudy & { extension: Extension[] } => ({ ...study, extension })
