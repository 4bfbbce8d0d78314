/** Drawn for 20 × 20, with the colour of the text. */
const paths = {
  overview:
    'M2.5 12.5c2.5 0 2.5-3 5-3s2.5 3 5 3 2.5-3 5-3M2.5 16.5c2.5 0 2.5-3 5-3s2.5 3 5 3 2.5-3 5-3M4 6.5 8 3l3.500 3 4.500-3.500',
  deployments: 'M10 2.500 17 6l-7 3.500L3 6zM3 10l7 3.500L17 10M3 14l7 3.500L17 14',
  logs: 'M3 4.500h14M3 8.200h9M3 11.900h12M3 15.600h6',
  invocations: 'M3 4.500h5M6 8.200h8M9 11.900h4M12 15.600h5',
  usage: 'M3.500 16.500V11M8 16.500V4M12.500 16.500V8M17 16.500v-3',
  settings: 'M3 6h8M15 6h2M3 14h2M9 14h8M13 3.800v4.400M7 11.800v4.400',
  theme: 'M10 3a7 7 0 1 0 7 7 5.300 5.300 0 0 1-7-7',
  out: 'M8 3.500H4.500v13H8M12.500 6.500 16 10l-3.500 3.500M16 10H8',
  clock: 'M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14M10 6v4l3 2',
  bolt: 'M11 2.500 4.500 11.500H9.500L9 17.500l6.500-9H10.500z',
  drop: 'M10 2.800c3 3.700 5 6.200 5 8.900a5 5 0 0 1-10 0c0-2.700 2-5.200 5-8.900',
} as const;
export type IconName = keyof typeof paths;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

/** A weir: water comes over a low dam. */
export function Brand() {
  return (
    <svg class="brand-mark" viewBox="0 0 32 32" aria-hidden="true">
      <path class="brand-water" d="M0 10c4 0 4-2.500 8-2.500S13 10 16 10c5 0 6 3 7.500 8s3 6 8.500 6v8H0z" />
      <path class="brand-dam" d="M10 17h5.500c2 0 3 2 3.800 5l2.700 10H10z" />
      <path class="brand-crest" d="M0 10c4 0 4-2.500 8-2.500S13 10 16 10c5 0 6 3 7.500 8s3 6 8.500 6" />
    </svg>
  );
}
