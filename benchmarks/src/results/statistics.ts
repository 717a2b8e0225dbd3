// The statistics of trainings live with training, where the command's own comparison has them too.
export {
  curvature,
  deviation,
  mean,
  type Paired,
  paired,
  significance,
} from '@hbnn/train/statistics';
