import t from 'tap'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { wordsFor } from '../../../src/messages/catalogue.ts'
import { partsAsked } from '../../../src/web/authorize/asked-scope.ts'
import { sentenceOf, type Whose } from '../../../src/web/authorize/scope-sentence.ts'

const classes = openCodeClasses()
const sentences = (scope: string, language = 'en', whose: Whose = 'own'): string[] =>
  partsAsked([scope]).map(part => sentenceOf(wordsFor(language), part, whose, classes))

const categories = 'http://terminology.hl7.org/CodeSystem/observation-category'

t.test('each scope is described in plain sentences', async t => {
  for (const [scope = '', ...expected] of [
    ['patient/Observation.rs', 'Read your measurements and survey answers'],
    ['patient/Observation.read', 'Read your measurements and survey answers'],
    ['patient/Observation.rs?code=http://loinc.org|8867-4', 'Read your heart rate'],
    ['patient/Observation.rs?code=omh:heart-rate,omh:body-weight', 'Read your heart rate and body weight'],
    ['patient/Observation.rs?code=omh:rr-interval', 'Read your R-R interval'],
    [
      'patient/Observation.rs?code=http://loinc.org|718-7',
      'Read your measurements and survey answers, only where code is http://loinc.org|718-7',
    ],
    ['patient/Observation.rs?category=vital-signs', 'Read your vital signs'],
    [
      `patient/Observation.rs?category=${categories}|vital-signs,${categories}|laboratory`,
      'Read your vital signs and laboratory results',
    ],
    [
      'patient/Observation.rs?category=vital-signs,of-our-own',
      'Read your measurements and survey answers, only where category is vital-signs,of-our-own',
    ],
    [
      'patient/Observation.rs?category=constructor',
      'Read your measurements and survey answers, only where category is constructor',
    ],
    [
      'patient/Observation.rs?category=laboratory&status=final',
      'Read your measurements and survey answers, only where category is laboratory and status is final',
    ],
    ['patient/DeviceUseStatement.c', 'Add your device use statement records'],
    ['patient/Condition.cud', 'Add, change and delete your health problems and diagnoses'],
    ['patient/*.cruds', 'Read all of your health data', 'Add, change and delete all of your health data'],
    ['user/Patient.rs', 'Read the name, birth date, address and contact details that you may see'],
    ['user/*.r', 'Read everything that you may see'],
    ['fhirUser', 'Know which record here describes you'],
    ['offline_access', 'Stay connected while you are away, until you end it or a year is over'],
    ['launch'],
  ])
    t.same(sentences(scope), expected, scope)
})

t.test('in Spanish as well, for a patient too', async t => {
  for (const [scope = '', ...expected] of [
    [
      'patient/Observation.rs?code=omh:heart-rate,omh:rr-interval',
      'Leer estos datos del paciente: frecuencia cardíaca e intervalo R-R',
    ],
    ['patient/Observation.rs?category=vital-signs', 'Leer estos datos del paciente: signos vitales'],
    [
      'patient/Condition.rs?category=a&code=b&onset-date=c',
      'Leer estos datos del paciente: problemas de salud y diagnósticos, solo donde category es a, code es b y onset-date es c',
    ],
    ['patient/DeviceUseStatement.c', 'Añadir estos datos del paciente: registros de «device use statement»'],
    [
      'patient/*.cruds',
      'Leer todos los datos de salud del paciente',
      'Añadir, modificar y borrar todos los datos de salud del paciente',
    ],
    [
      'user/Patient.rs',
      'Leer estos datos que usted puede ver: nombre, fecha de nacimiento, dirección y datos de contacto',
    ],
    ['online_access', 'Seguir conectada mientras usted tenga aquí la sesión abierta'],
  ])
    t.same(sentences(scope, 'es', 'patient'), expected, scope)
})

t.test('each kind of data that people can tick has a name in Spanish', async t => {
  const unnamed = classes.kinds().filter(({ key }) => wordsFor('es').kind(key, '') === '')
  t.same(
    unnamed.map(({ key }) => `kind.${key}`),
    [],
    'src/messages/catalogue/es.json has each',
  )
})
