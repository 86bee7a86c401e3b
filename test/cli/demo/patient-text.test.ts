import t from 'tap'
import { patientText } from '../../../src/cli/demo/patient-text.ts'
import { type StudyKey, studies } from '../../../src/cli/demo/staff.ts'

t.test('what people sign in the demo has the words of the pages, in Spanish too', async t => {
  for (const study of Object.keys(studies) as StudyKey[]) {
    const texts = (patientText(study).extension ?? []).flatMap(({ valueAttachment }) =>
      valueAttachment?.language === 'es' ? Buffer.from(valueAttachment.data ?? '', 'base64').toString() : [],
    )
    t.equal(texts.length, 1, study)
    t.match(texts[0], /qué mediciones comparte, de qué aparatos/, study)
    t.notMatch(texts[0], /dispositivo|lectura/i, study)
  }
})
