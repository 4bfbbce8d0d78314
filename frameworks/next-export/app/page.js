import Image from 'next/image';
import weir from './weir.png';

export default function Home() {
  return (
    <>
      <h1>Weir and a static export</h1>
      <Image src={weir} alt="Water over a weir" />
    </>
  );
}
