import { type Shape, split, value, words } from './row.ts'

/** `intra…` */
const within = [
  ...split('-abdominal; -amniotic; -arterial; -articular; biliary; bronchial; bursal; cardiac; cartilaginous'),
  ...split('caudal; cavernous; cavitary; cerebral; cerebroventricular; cisternal; colonic; corneal; coronal'),
  ...split('coronary; corporus cavernosum; cranial; dermal; discal; ductal; duodenal; dural; epicardial'),
  ...split('epidermal; esophageal; gastric; gingival; hepatic; ileal; jejunal; lesional; lingual; luminal'),
  ...split('lymphatic; mammary; medullary; meningeal; muscular; myometrial; nodal; ocular; omentum; osseous'),
  ...split('ovarian; pericardial; peritoneal; pleural; prostatic; pulmonary; ruminal; sinal; spinal; sternal'),
  ...split('synovial; tendinous; testicular; thecal; thoracic; tubular; tumor; tympanic; uterine; vascular'),
  ...split('venous; venous central; venous peripheral; vesical; vitreal'),
].map(name => `intra${name}`)

const others = [
  ...split('arteriovenous fistula; arteriovenous graft; body cavity; auricular; buccal; caudal; colostomy'),
  ...split('conjunctival; cutaneous; dental; digestive tract; electro-osmosis; endocervical; endosinusial'),
  ...split('enteral; epidural; esophagostomy; extra-amniotic; extracorporeal; fistula; gastro-intestinal stoma'),
  ...split('gastroenteral; gastrostomy; gingival; ileostomy; hemodialysis; infiltration; interstitial'),
  ...split('iontophoresis; irrigation; jejunostomy; laryngeal; lower respiratory tract; mucous fistula; nasal'),
  ...split('nasoduodenal; nasogastric; nasojejunal; not applicable; occlusive dressing technique; ophthalmic'),
  ...split('oral; orogastric; oromucosal; oropharyngeal; otic; parenteral; paracervical; paravertebral'),
  ...split('percutaneous; periarticular; peribulbar; peridural; perineural; periodontal; periosteal'),
  ...split('peritendinous; periurethral; rectal; retrobulbar; soft tissue; subarachnoid; subconjunctival'),
  ...split('subcutaneous; subgingival; sublingual; submucosal; suborbital; subretinal; subtendinous'),
  ...split('surgical cavity; surgical drain; topical; transcervical; transdermal; transendocardial; transmucosal'),
  ...split('transplacental; transtracheal; transtympanic; transurethral; tumor cavity; ureteral; urethral'),
  ...split('urostomy; vaginal'),
]

/** The routes by which a medication is given, by the major version of the schema. */
export const routesByMajor: Readonly<Record<'1' | '2', Shape>> = {
  '1': words(...within, ...others, 'endotracheal', 'intraventricular', 'respiratory (inhalation)'),
  '2': words(
    ...[...within, ...others],
    ...[
      'endotracheopulmonary',
      'intracameral',
      'intramural',
      'intraneural',
      'intraventricular - cardiac',
      'respiratory tract',
      'sublesional',
    ],
  ),
}

export const routeSchemas = [
  value('omh:intervention-administration-route', '1.0', routesByMajor['1']),
  value('omh:intervention-administration-route', '2.0', routesByMajor['2']),
]
