import { inBrowser, type Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme-without-fonts';
import { type AsyncComponentLoader, type Component, defineAsyncComponent, h } from 'vue';
import { addressChanged, addressLeft } from '../../components/shared/address.ts';
import NeedsScript from '../../components/shared/NeedsScript.vue';
import NotFound from '../../components/shared/NotFound.vue';
import NotLoaded from '../../components/shared/NotLoaded.vue';
import { printInLight } from '../../components/shared/printing.ts';
import { keepSamePage } from '../../components/shared/samePage.ts';
import { withSearchOrder } from '../../components/shared/searchOrder.ts';
import { showActiveEntry } from '../../components/shared/sidebarEntry.ts';
import './style.css';
import './wide.css';

/** A part of a page that runs the packages, loaded when a page shows it. */
const part = (loader: AsyncComponentLoader): Component =>
  defineAsyncComponent({ loader, errorComponent: NotLoaded });

const BitsPlayground = part(() => import('../../components/bits/BitsPlayground.vue'));
const ClassifyPlayground = part(() => import('../../components/classify/ClassifyPlayground.vue'));
const HardwarePlayground = part(() => import('../../components/hardware/HardwarePlayground.vue'));
const TrainPlayground = part(() => import('../../components/train/TrainPlayground.vue'));
const ResidualSteps = part(() => import('../../components/idea/ResidualSteps.vue'));
const OutcomeCards = part(() => import('../../components/home/OutcomeCards.vue'));
const AverageSlider = part(() => import('../../components/home/HeroHistogram.vue'));
const HomePage = part(() => import('../../components/home/HomePage.vue'));

const theme: Theme = {
  extends: DefaultTheme,
  Layout: {
    mounted: showActiveEntry,
    render: () => h(DefaultTheme.Layout, null, { 'not-found': () => h(NotFound) }),
  },
  enhanceApp({ app, router, siteData }) {
    siteData.value = withSearchOrder(siteData.value);
    if (inBrowser) {
      router.onBeforeRouteChange = () => {
        window.dispatchEvent(new Event(addressLeft));
      };
      router.onAfterRouteChange = () => {
        window.dispatchEvent(new Event(addressChanged));
        showActiveEntry();
      };
      keepSamePage(router);
      printInLight();
    }
    app.component('NeedsScript', NeedsScript);
    app.component('BitsPlayground', BitsPlayground);
    app.component('ClassifyPlayground', ClassifyPlayground);
    app.component('HardwarePlayground', HardwarePlayground);
    app.component('TrainPlayground', TrainPlayground);
    app.component('ResidualSteps', ResidualSteps);
    app.component('HomePage', HomePage);
    app.component('AverageSlider', AverageSlider);
    app.component('Outcomes', OutcomeCards);
  },
};

export default theme;
