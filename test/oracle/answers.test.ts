/** All that is asked of one server with the examples; each of these files runs by itself as well. */
import './combined.ts'
import './one-parameter.ts'
import './sets.ts'
import './shape.ts'
import './ways.ts'
