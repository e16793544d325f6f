import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import {
  frameOf,
  imageValue,
  inverted,
  rangeOf,
  type IFrame,
  type Range
} from '../../models/imageinput.ts';
import { isWhole, type IField } from '../../models/requestform.ts';
import type { Json } from '../../models/tensors.ts';

/** Takes an image from a file where an input looks as if it held one. */
export function ImageChoice(props: {
  field: IField;
  value: Json;
  trans: TranslationBundle;
  onChange: (value: Json) => void;
}) {
  const { field, value, trans, onChange } = props;
  const [problem, setProblem] = React.useState<string | null>(null);
  const chosen = React.useRef<HTMLInputElement>(null);
  // As they were at first: an image that is dark says nothing of what white is.
  const [frame] = React.useState(() => frameOf(field.shape, value));
  const [range] = React.useState(() => rangeOf(value, isWhole(field.dtype)));
  if (frame === null) {
    return null;
  }
  const take = async (file: File): Promise<void> => {
    setProblem(null);
    try {
      onChange(await readImage(file, frame, range, isWhole(field.dtype)));
    } catch {
      setProblem(trans.__('%1 is no image that a browser can read.', file.name));
    }
  };
  return (
    <div className="lbd-ImageChoice">
      <input
        ref={chosen}
        type="file"
        accept="image/*"
        hidden
        aria-label={trans.__('An image for %1', field.name)}
        onChange={event => {
          const [file] = event.currentTarget.files ?? [];
          event.currentTarget.value = ''; // the same one can be chosen again
          void (file && take(file));
        }}
      />
      <button type="button" className="jp-mod-styled" onClick={() => chosen.current?.click()}>
        {trans.__('Choose an Image…')}
      </button>
      <button
        type="button"
        className="jp-mod-styled"
        title={trans.__('Exchange black and white')}
        onClick={() => onChange(inverted(value, range))}
      >
        {trans.__('Invert')}
      </button>
      {problem && (
        <p className="lbd-Problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

/** The image in the input's size, whole and in the middle, on black. */
async function readImage(file: File, frame: IFrame, range: Range, whole: boolean): Promise<Json> {
  const image = await createImageBitmap(file);
  const { width, height } = frame;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (context === null) {
    throw new Error('It cannot be drawn.');
  }
  const scale = Math.min(width / image.width, height / image.height);
  const [wide, high] = [image.width * scale, image.height * scale];
  context.imageSmoothingQuality = 'high';
  context.fillRect(0, 0, width, height);
  context.drawImage(image, (width - wide) / 2, (height - high) / 2, wide, high);
  return imageValue(context.getImageData(0, 0, width, height).data, frame, range, whole);
}
