import type { Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme-without-fonts';
import { defineAsyncComponent } from 'vue';
import './style.css';
import './wide.css';

// Each part of a page that runs the packages is loaded when a page shows it.
const BitsPlayground = defineAsyncComponent(
  () => import('../../components/bits/BitsPlayground.vue'),
);
const ClassifyPlayground = defineAsyncComponent(
  () => import('../../components/classify/ClassifyPlayground.vue'),
);
const HardwarePlayground = defineAsyncComponent(
  () => import('../../components/hardware/HardwarePlayground.vue'),
);
const TrainPlayground = defineAsyncComponent(
  () => import('../../components/train/TrainPlayground.vue'),
);
const ResidualSteps = defineAsyncComponent(() => import('../../components/idea/ResidualSteps.vue'));
const OutcomeCards = defineAsyncComponent(() => import('../../components/home/OutcomeCards.vue'));
const AverageSlider = defineAsyncComponent(() => import('../../components/home/HeroHistogram.vue'));
const HomePage = defineAsyncComponent(() => import('../../components/home/HomePage.vue'));

const theme: Theme = {
  extends: DefaultTheme,
  enhanceApp({ app }) {
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
