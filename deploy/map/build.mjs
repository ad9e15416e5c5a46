// Draws the world map of the dashboard once, at development time:
//   countries-110m.json + countries.csv  ->  dashboard/data/world_map.json
//
// The result holds the path of every country (Equal Earth, without Antarctica), a dot for each
// country that is too small to be drawn, the graticule, and the constants of the projection, so
// that Python can put regions on the same map. Run it with `npm install && npm run build`.
import fs from "node:fs";
import { geoEqualEarth, geoGraticule10, geoPath } from "d3-geo";
import { feature } from "topojson-client";

const WIDTH = 960;
const HEIGHT = 452;
const MARGIN = 4;
const CENTRAL_MERIDIAN = 11; // keeps Chukotka and Alaska on their own sides of the map
const ANTARCTICA = "010";
const PROBES = [[0, 0], [11, 0], [18.07, 59.33], [-77.49, 39.04], [151.21, -33.87], [-175, 65], [178, -18], [-169.5, 71]];

const here = new URL("./", import.meta.url);
const read = (path) => fs.readFileSync(new URL(path, here), "utf8");
const round = (value, digits) => Number(value.toFixed(digits));

/** Rows of a CSV without quoted line breaks, as objects. */
function parseCsv(text) {
  const [head, ...lines] = text.trim().split(/\r?\n/).map((line) =>
    [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map((match) => match[1].replace(/^"|"$/g, "").replaceAll('""', '"')),
  );
  return lines.map((cells) => Object.fromEntries(head.map((name, index) => [name, cells[index]])));
}

const topology = JSON.parse(read("countries-110m.json"));
const world = feature(topology, topology.objects.countries);
world.features = world.features.filter((country) => country.id !== ANTARCTICA);

const projection = geoEqualEarth().rotate([-CENTRAL_MERIDIAN, 0]).fitExtent([[MARGIN, MARGIN], [WIDTH - MARGIN, HEIGHT - MARGIN]], world);
const path = geoPath(projection).digits(1);

// Kosovo and two others carry no ISO number: they keep their name as key and are joined by it.
const countries = world.features
  .map((country) => ({ id: country.id ?? country.properties.name, name: country.properties.name, d: path(country) }))
  .filter((country) => country.d);
const drawn = new Set(countries.map((country) => country.id));
const islands = parseCsv(read("../../climate/data/countries.csv"))
  .filter((row) => row.lat && row.lon && !drawn.has(row.iso_numeric || row.name) && row.iso_numeric !== ANTARCTICA)
  .map((row) => {
    const [x, y] = projection([Number(row.lon), Number(row.lat)]);
    return { id: row.iso_numeric, name: row.name, x: round(x, 1), y: round(y, 1) };
  })
  // Samoa and Kiribati lie beyond the edge that the drawn land sets; they are in the table only.
  .filter((island) => island.id && island.x >= 0 && island.x <= WIDTH && island.y <= HEIGHT);

const result = {
  width: WIDTH,
  height: HEIGHT,
  scale: round(projection.scale(), 6),
  translate: projection.translate().map((value) => round(value, 6)),
  central_meridian: CENTRAL_MERIDIAN,
  probes: PROBES.map((point) => ({ lon: point[0], lat: point[1], x: round(projection(point)[0], 4), y: round(projection(point)[1], 4) })),
  graticule: path(geoGraticule10()),
  countries,
  islands,
};
const target = new URL("../../dashboard/data/world_map.json", here);
fs.mkdirSync(new URL("./", target), { recursive: true });
fs.writeFileSync(target, `${JSON.stringify(result, null, 1)}\n`);
console.log(`${countries.length} countries, ${islands.length} dots, ${fs.statSync(target).size} bytes`);
