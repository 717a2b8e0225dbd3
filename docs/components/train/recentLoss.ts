/** The mean loss from one report to the next, from the sums of an epoch, which begin at 0 in each epoch. */
export class RecentLoss {
  private lossBefore = 0;
  private imagesBefore = 0;

  /**
   * The mean loss of the images since the last report.
   *
   * @param loss the sum of the losses of the epoch's images so far
   * @param images how many images these are
   */
  report(loss: number, images: number): number {
    const mean = (loss - this.lossBefore) / (images - this.imagesBefore);
    [this.lossBefore, this.imagesBefore] = [loss, images];
    return mean;
  }

  /** The last report of an epoch; the next begins at 0. */
  reportEpoch(loss: number, images: number): number {
    const mean = this.report(loss, images);
    [this.lossBefore, this.imagesBefore] = [0, 0];
    return mean;
  }
}
