/**
 * fast-check, with a seed that is the same in every run of the suites. PAWL_PROPERTY_SEED takes another; a property that
 * fails prints its seed.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.PAWL_PROPERTY_SEED || 1) });

export default fc;
