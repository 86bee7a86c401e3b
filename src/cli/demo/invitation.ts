import { birthDateOf } from './enrolment.ts'
import type { ExampleApps } from './example-apps.ts'
import { sendFirstLetter } from './first-letter.ts'
import { nameOf, participant, type Stage } from './stage.ts'
import { scopes } from './tokens.ts'

/** What a reader needs to try more: addresses, people, tokens, and lines to paste. */
export const invite = async (stage: Stage, apps: ExampleApps, address: string): Promise<void> => {
  const { book, signIn, world } = stage
  const ana = participant(stage, 'Ana')
  const tokens: readonly (readonly [who: string, name: string, token: string])[] = [
    ['Ana Castillo, patient', 'ANA', (await signIn.patient(ana.patient, scopes.patient)).token],
    ['The heart app of Ana', 'HEART_APP', (await signIn.patient(ana.patient, scopes.heartRate)).token],
    [nameOf('investigator'), 'HELEN', (await signIn.colleague('investigator', scopes.read)).token],
    [nameOf('analyst'), 'JENS', (await signIn.colleague('analyst', scopes.read)).token],
    [nameOf('clinician'), 'CAROL', (await signIn.colleague('clinician', scopes.read)).token],
    [nameOf('dean'), 'MARTA', (await signIn.colleague('dean', scopes.setUp)).token],
    ['The administrator', 'ADMIN', (await signIn.administrator()).token],
  ]
  book.chapter('Now you')
  book.line(`  FHIR base        ${address}/fhir`)
  book.line(`  What it can do   ${address}/fhir/metadata`)
  book.line(`  Study A          ResearchStudy/${world.ids.studies.metabolism}`)
  book.line(`  Study B          ResearchStudy/${world.ids.studies.shifts}`)
  for (const { person, patient } of world.enrolled.slice(0, 3)) {
    book.line(`  ${`${person.given} ${person.family}`.padEnd(16)} Patient/${patient}`)
  }
  book.line('\n  1. Ask as each of them. Paste these tokens, good for twelve hours, into another shell:\n')
  for (const [who, name, token] of tokens) book.line(`    ${name}=${token}  # ${who}`)
  book.line(`\n    FHIR=${address}/fhir`)
  book.line(`    curl -s -H "Authorization: Bearer $HELEN" "$FHIR/Observation?code=http://loinc.org|8867-4&_count=5"`)
  book.line(`    curl -s -H "Authorization: Bearer $JENS" "$FHIR/Observation?code=omh:blood-glucose&_summary=count"`)
  book.line(`    curl -s -H "Authorization: Bearer $HEART_APP" "$FHIR/Observation?_count=1"`)
  book.line(`    curl -s -H "Authorization: Bearer $ANA" "$FHIR/Consent"`)
  inviteToApps(stage, apps, address)
  await inviteToBeInvited(stage, apps, address)
  book.line('\n  Ctrl-C here ends it, and deletes it all unless you set DATA_DIR or DATABASE_URL.')
}

/** Somebody who has not answered gets the letter with which answering begins. */
const inviteToBeInvited = async (stage: Stage, apps: ExampleApps, address: string): Promise<void> => {
  const { book, signIn, world } = stage
  const { person, patient } = participant(stage, 'Kavya')
  const study = world.ids.studies.metabolism
  const staff = await signIn.colleague('investigator', scopes.read)
  const { body } = await staff.get(`ResearchSubject?study=ResearchStudy/${study}&individual=Patient/${patient}`)
  const subject: string = body.entry[0].resource.id
  const { researcher: email, password } = apps
  if (!(await sendFirstLetter(address, { email, password, study, subject }))) return
  book.line(
    `\n  4. Or be asked to take part: the letter to ${person.given} ${person.family}, born ${birthDateOf(person)}, who has not`,
  )
  book.line(`     answered yet, lies at ${address}/outbox, and so does the code that its page asks for.`)
}

const inviteToApps = ({ book }: Stage, apps: ExampleApps, address: string): void => {
  const { redirectUri, diary, desk, job, password } = apps
  book.line(
    '\n  2. Get tokens as apps do. Three are registered: the Heart diary, a public app of patients; the Study desk, a',
  )
  book.line(
    '     confidential app of researchers; and the Night job, a backend service. docs/apps.md goes through each, step by',
  )
  book.line('     step, with curl and with Python. Paste this first, into a bash in the folder of this project:\n')
  const variables = {
    FHIR: `${address}/fhir`,
    BACK: redirectUri,
    DIARY: diary,
    DESK: desk.id,
    DESK_SECRET: desk.secret,
    JOB: job.id,
    JOB_KEY: job.keyFile,
    JOB_KID: job.kid,
  }
  for (const [name, value] of Object.entries(variables)) book.line(`    export ${name}='${value}'`)
  book.line(`\n  3. Or see it as people do: sign in at ${address}/sign-in, as the patient, the researcher of study A,`)
  book.line(
    '     the one of study B, who knows people by code, the clinician, the manager of the university, its privacy',
  )
  book.line('     officer, or the administrator of the installation.\n')
  for (const one of ['patient', 'researcher', 'analyst', 'clinician', 'manager', 'officer', 'administrator'] as const)
    book.line(`    ${apps[one]}`)
  book.line(`    password of all seven: ${password}`)
}
