/** What the writes of one transaction collect. */
export type Gathered = {
  /** The Persons whose patients' compartments are joined at its end. */
  readonly linked: Set<string>
  /** The numbers of the Patients that it has created, under ids that nobody could know before. */
  readonly newPatients: Set<number>
  /** The numbers of the patients whose places and Consents it changes. */
  readonly turns: Set<number>
  /** Ids of the Patients whose places in studies are to say another gender or year of birth. */
  readonly corrected: Set<string>
  /** Ids of the Patients who are called otherwise than before. */
  readonly renamed: Set<string>
  /** Ids of the studies that were not there before. */
  readonly begun: Set<string>
  /** What has got a next version by the write of something else, such as `ResearchSubject/1`. */
  readonly rewritten: Set<string>
}

export const beginGathering = (): Gathered => ({
  linked: new Set(),
  newPatients: new Set(),
  turns: new Set(),
  corrected: new Set(),
  renamed: new Set(),
  begun: new Set(),
  rewritten: new Set(),
})
