import fc from 'fast-check'
import t from 'tap'
import { parseScopes, printScope } from '../../src/access/scope.ts'

const printed = (text: string) => parseScopes(text).map(printScope)

t.test('both versions of the grammar give letters in order', async t => {
  const table: readonly (readonly [string, string])[] = [
    ['patient/Observation.read', 'patient/Observation.rs'],
    ['user/*.write', 'user/*.cud'],
    ['system/*.*', 'system/*.cruds'],
    ['patient/Observation.rs', 'patient/Observation.rs'],
    ['user/Patient.cruds', 'user/Patient.cruds'],
    ['user/Observation.s?code=http://loinc.org|8867-4', 'user/Observation.s?code=http://loinc.org|8867-4'],
    ['user/Observation.rs?category=a,b&status=final', 'user/Observation.rs?category=a,b&status=final'],
    ['http://smarthealthit.org/fhir/scopes/patient/Observation.r', 'patient/Observation.r'],
  ]
  for (const [scope, expected] of table) t.strictSame(printed(scope), [expected], scope)
})

t.test('a scope that cannot be read gives no right', async t => {
  const unreadable = [
    'patient/Observation.dus',
    'patient/Observation.rr',
    'patient/Observation.sr',
    'patient/Observation.',
    'patient/Observation',
    'patient/observation.r',
    'patient/Observation.Read',
    'patient/Observation.read?code=x',
    'patient/Observation.rs?',
    'patient/Observation.rs?code',
    'patient/Observation.rs?code=',
    'patient/Observation.rs?=x',
    'patient/Observation.rs?code=x&',
    'patient/Observation.rs?code=x=y',
    'practitioner/Observation.rs',
    'patient/*Observation.rs',
    'https://elsewhere.example/patient/Observation.rs',
    'openid',
    'fhirUser',
    'launch/patient',
    'offline_access',
    '__own',
    '',
  ]
  for (const scope of unreadable) t.strictSame(parseScopes(scope), [], scope)
  t.strictSame(printed('openid patient/Patient.r  nonsense user/Group.s'), ['patient/Patient.r', 'user/Group.s'])
})

t.test('a printed scope is parsed as the same scope, and only letters in order are a right', async () => {
  const word = fc.stringMatching(/^[a-z0-9:|,.-]{1,12}$/)
  const query = fc
    .array(fc.tuple(word, word), { maxLength: 3 })
    .map(pairs => pairs.map(pair => pair.join('=')).join('&'))
  fc.assert(
    fc.property(
      fc.constantFrom('patient', 'user', 'system'),
      fc.constantFrom('*', 'Observation', 'Patient'),
      fc.array(fc.constantFrom(...'cruds'), { minLength: 1, maxLength: 6 }).map(letters => letters.join('')),
      query,
      (context, type, letters, query) => {
        const text = `${context}/${type}.${letters}${query === '' ? '' : `?${query}`}`
        const inOrder = [...'cruds'].filter(letter => letters.includes(letter)).join('') === letters
        return inOrder ? printed(text)[0] === text : parseScopes(text).length === 0
      },
    ),
  )
})

t.test('parsing any text throws nothing', async () => {
  fc.assert(fc.property(fc.string(), text => parseScopes(text).every(({ actions }) => actions.size > 0)))
})
