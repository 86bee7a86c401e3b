import t from 'tap'
import { patientListTemplate, readPatientList } from '../../../src/studies/patient/patient-list.ts'

const read = (text: string | Uint8Array) =>
  readPatientList(Buffer.from(text), { languages: ['en', 'es'], phoneCountry: undefined })
const header = 'family,given,birth_date,identifiers,email,mobile,language'

t.test('the template is read as it is', async t => {
  const list = read(patientListTemplate)
  t.has(list, {
    kind: 'read',
    lines: [
      {
        line: 2,
        patient: {
          name: [{ family: 'Ruiz', given: ['María', 'José'] }],
          identifier: [{ system: 'urn:oid:1.2.3', value: '4711' }, { value: 'A-1' }],
          telecom: [{ value: 'maria@example.org' }, { value: '+15005550006' }],
          gender: 'female',
        },
      },
      { line: 3, patient: { name: [{ family: 'Miller', given: ['Ann'] }], birthDate: '1985-02-28' } },
    ],
  })
})

t.test(
  'a byte order mark, semicolons, quoted line breaks, columns in any order and empty lines do not matter',
  async t => {
    const file = [
      '\uFEFFBirth_Date;family;identifiers',
      '1970-05-31;"Ruiz ""R"" ; Paz";"A-1\r\nurn:oid:1|2"',
      ';;',
      '',
      ' 1980-01-01 ; Lee ;',
    ].join('\r\n')
    t.has(read(file), {
      kind: 'read',
      lines: [
        {
          line: 2,
          patient: {
            name: [{ family: 'Ruiz "R" ; Paz' }],
            identifier: [{ value: 'A-1' }, { system: 'urn:oid:1', value: '2' }],
          },
        },
        { line: 6, patient: { name: [{ family: 'Lee' }], birthDate: '1980-01-01' } },
      ],
    })
  },
)

t.test('a first line that tells Excel which delimiter it is says so here, too, and counts as a line', async t => {
  for (const [told, delimiter] of [
    ['sep=;', ';'],
    ['SEP=,', ','],
    ['\uFEFFsep=\t', '\t'],
  ] as const) {
    const lines = [
      ['family', 'birth_date', 'email'],
      ['Lee, Ruiz; and son', '1980-01-01', ''],
      ['Ann', 'x', ''],
    ]
    const quoted = lines.map(line => line.map(value => `"${value}"`).join(delimiter))
    t.match(
      read([told, ...quoted].join('\r\n')),
      {
        kind: /^read$/,
        lines: [
          { line: 3, patient: { name: [{ family: 'Lee, Ruiz; and son' }] } },
          { line: 4, problems: { birthDate: /^“x”/ } },
        ],
      },
      told,
    )
  }
})

t.test('what a spreadsheet saves as Unicode text is read: UTF-16, with tabs', async t => {
  const text =
    '\uFEFFfamily\tgiven\tbirth_date\temail\r\nRuiz\t\t1970-05-31\t\r\n\tAna\t1980-01-01\tana@example.org\r\n'
  const little = Buffer.from(text, 'utf16le')
  const files = { 'UTF-16LE': little, 'UTF-16BE': Buffer.from(little).swap16(), 'UTF-8': text }
  for (const [name, file] of Object.entries(files))
    t.match(
      read(file),
      {
        kind: /^read$/,
        lines: [
          { line: 2, patient: { name: [{ family: 'Ruiz', given: undefined }], birthDate: /^1970-05-31$/ } },
          { line: 3, problems: { family: /^Enter a family name/ } },
        ],
      },
      name,
    )
})

t.test('a mistake names what is there, since a spreadsheet may show it differently', async t => {
  t.match(read('family,birth_date,mobile\nRuiz,25720,15005550006\nLee,,'), {
    lines: [
      { problems: { birthDate: /^“25720”\. Enter the birth date as year/, mobile: /^“15005550006”\. Enter/ } },
      { problems: { birthDate: /^Enter the birth date/ } },
    ],
  })
})

t.test('a gender is one of FHIR’s, whether or not a spreadsheet has written it with a capital', async t => {
  const list = read('family,birth_date,gender\nRuiz,1970-01-01,Female\nLee,1970-01-01,\nPaz,1970-01-01,w')
  if (list.kind !== 'read') throw new Error(list.why)
  t.strictSame(
    list.lines.map(({ patient, problems }) => [patient?.gender, problems?.gender]),
    [
      ['female', undefined],
      [undefined, undefined],
      [undefined, '“w”. Enter one of female, male, other, unknown, or nothing'],
    ],
  )
})

t.test('mistakes are reported line by line, all of them', async t => {
  const file = `${header}\nRuiz,,1970-13-01,,ana,12,xx\n,,1970-01-01\nLee,,1970-01-01,,,,en,more,and more\nOk,,1970-01-01`
  const list = read(file)
  if (list.kind !== 'read') throw new Error(list.why)
  t.strictSame(
    list.lines.map(({ line, problems = {} }) => [line, Object.keys(problems)]),
    [
      [2, ['birthDate', 'email', 'mobile', 'language']],
      [3, ['family']],
      [4, ['line']],
      [5, []],
    ],
  )
  t.match(list.lines[2], { problems: { line: 'There are 9 values, and 7 columns' } })
})

t.test('empty columns, as spreadsheets save them after the others, do not matter', async t => {
  const list = read(`${header},,,\r\nRuiz,Ana,1970-05-31,,,,,,,\r\nLee,,1980-01-01\r\nPaz,,1990-01-01,,,,,,,x\r\n`)
  t.has(list, {
    kind: 'read',
    lines: [
      { line: 2, patient: { name: [{ family: 'Ruiz', given: ['Ana'] }] } },
      { line: 3, patient: { name: [{ family: 'Lee' }] } },
      { line: 4, problems: { line: 'There are 10 values, and 7 columns' } },
    ],
  })
  t.match(read('family,,birth_date\nRuiz,Ana,1970-05-31'), { why: /unknown \(“”\)/ })
})

t.test('an invalid file is refused with the reason', async t => {
  const cases: readonly (readonly [string | Uint8Array, RegExp])[] = [
    ['', /is empty: its first line names the columns \(family, given, birth_date,/],
    ['\uFEFF\n \r\n', /is empty/],
    [header, /has no patients: its first line names the columns/],
    [Buffer.from(`${header}\nM\xFCller`, 'latin1'), /is not in UTF-8/],
    ['PK\u0003\u0004\0', /^This is a spreadsheet, such as \.xlsx/],
    [Buffer.from('d0cf11e0a1b11ae1', 'hex'), /^This is a spreadsheet/],
    ['\0', /is not in UTF-8/],
    ['family,name\nRuiz,Ana', /names columns that are unknown \(“name”\): the columns are family, given/],
    ['family,birth_date,constructor\nRuiz,1970-05-31,x', /names columns that are unknown \(“constructor”\)/],
    ['family,family,birth_date\nRuiz,Ana,1970-01-01', /“family” is there twice/],
    ['given\nAna', /“family” and “birth_date” is missing/],
    [`${header}\n"Ruiz,Ana`, /in line 2, or after it, is opened and never closed/],
    [`${header}\nLee,,1970-01-01\n"Ruiz,Ana\n${'Lee,,1970-01-01\n'.repeat(9)}`, /in line 3, or after it, is opened/],
    [`${header}\nRu"iz,Ana`, /in line 2 stands where none may/],
    [`${header}\n${'Lee,,1970-01-01\n'.repeat(20_001)}`, /more than 20000 patients/],
  ]
  for (const [file, why] of cases) t.match(read(file), { kind: 'unreadable', why }, String(file).slice(0, 30))
})
