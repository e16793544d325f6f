import * as React from 'react';

import type { IPicture } from '../models/tensors.ts';

/** An input that looks like a picture, drawn. */
export function Picture(props: { picture: IPicture; label: string }) {
  const { picture, label } = props;
  const canvas = React.useRef<HTMLCanvasElement>(null);
  React.useEffect(() => {
    const context = canvas.current?.getContext('2d');
    const image = context?.createImageData(picture.width, picture.height);
    if (context && image) {
      picture.points.forEach((point, at) =>
        image.data.set([point * 255, point * 255, point * 255, 255], at * 4)
      );
      context.putImageData(image, 0, 0);
    }
  }, [picture]);
  return (
    <canvas
      ref={canvas}
      className="lbd-Picture"
      role="img"
      aria-label={label}
      width={picture.width}
      height={picture.height}
    />
  );
}
