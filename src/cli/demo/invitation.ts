import { emailOf, staff } from './staff.ts'
import { nameOf, participant, type Stage } from './stage.ts'
import { scopes } from './tokens.ts'

/** What a reader needs to go on playing: addresses, people, tokens, and lines to paste. */
export const invite = async (stage: Stage, address: string): Promise<void> => {
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
  book.line(`  Accounts         ${Object.values(staff).map(emailOf).join('\n                   ')}`)
  book.line('\n  Tokens, good for twelve hours; paste them into a shell:\n')
  for (const [who, name, token] of tokens) book.line(`    ${name}=${token}  # ${who}`)
  book.line(`\n    FHIR=${address}/fhir`)
  book.line(`    curl -s -H "Authorization: Bearer $HELEN" "$FHIR/Observation?code=http://loinc.org|8867-4&_count=5"`)
  book.line(`    curl -s -H "Authorization: Bearer $JENS" "$FHIR/Observation?code=omh:blood-glucose&_summary=count"`)
  book.line(`    curl -s -H "Authorization: Bearer $HEART_APP" "$FHIR/Observation?_count=1"`)
  book.line(`    curl -s -H "Authorization: Bearer $ANA" "$FHIR/Consent"`)
  book.line('\n  Ctrl-C ends it.')
}
