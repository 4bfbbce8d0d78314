import Image from 'next/image';
import weir from './weir.png';

export default function Picture() {
  return (
    <>
      <h1>An image, in the size that is needed</h1>
      <Image src={weir} alt="Water over a weir" priority />
    </>
  );
}
