import { answerJobs } from '../shared/answerJobs.ts';
import { buildHardware } from './buildHardware.ts';
import type { BuiltHardware, HardwareChoice } from './hardwareChoice.ts';

answerJobs<HardwareChoice, BuiltHardware>((choice, { tell }) => tell(buildHardware(choice)));
