package main

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// maxFilm is the limit for the moving picture of the README, in bytes.
const maxFilm = 1_500_000

// film is a moving picture of a browser tab.
type film struct {
	*chromium
	frames []image.Image
	delays []int // in hundredths of a second
}

// show adds what the tab shows, after it shows the texts.
func (f *film) show(seconds int, texts ...string) {
	f.t.Helper()
	for _, text := range texts {
		f.waitFor("body", text)
	}
	text, err := chromedp.Run(f.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		f.t.Fatal(err)
	}
	frame, err := png.Decode(bytes.NewReader(text))
	if err != nil {
		f.t.Fatal(err)
	}
	f.frames, f.delays = append(f.frames, frame), append(f.delays, 100*seconds)
}

// palette returns the most frequent colors of all frames.
func (f *film) palette() color.Palette {
	count := map[color.RGBA]int{}
	for _, frame := range f.frames {
		eachPixel(frame, func(_, _ int, c color.RGBA) { count[c]++ })
	}
	all := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int { return cmp.Compare(count[b], count[a]) })
	out := color.Palette{}
	for _, c := range all[:min(256, len(all))] {
		out = append(out, c)
	}
	return out
}

func eachPixel(frame image.Image, do func(x, y int, c color.RGBA)) {
	bounds := frame.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			do(x, y, color.RGBAModel.Convert(frame.At(x, y)).(color.RGBA))
		}
	}
}

// gif returns the film as an animated GIF that repeats.
func (f *film) gif() []byte {
	f.t.Helper()
	palette, index := f.palette(), map[color.RGBA]uint8{}
	out := gif.GIF{Delay: f.delays}
	for _, frame := range f.frames {
		picture := image.NewPaletted(frame.Bounds(), palette)
		eachPixel(frame, func(x, y int, c color.RGBA) {
			i, known := index[c]
			if !known {
				i = uint8(palette.Index(c)) //nolint:gosec // a palette has at most 256 colors
				index[c] = i
			}
			picture.SetColorIndex(x, y, i)
		})
		out.Image = append(out.Image, picture)
	}
	var text bytes.Buffer
	if err := gif.EncodeAll(&text, &out); err != nil {
		f.t.Fatal(err)
	}
	return text.Bytes()
}

// The README's picture: a command, the choice, Google's consent page, and the space. With -pictures ../../docs, it
// writes deputy.gif and deputy.png.
func TestRealBrowser_Film(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.google.SetStrict(0)
	f := &film{chromium: openChromium(t)}
	f.do(chromedp.EmulateViewport(960, 600))
	f.open(w, "")
	f.do(chromedp.SendKeys(chromedp.ID("text"), "/createspace Launch plan @Grace Hopper"))
	f.show(2, "Deputy")
	f.do(chromedp.SendKeys(chromedp.ID("text"), "\r"))
	f.show(2, "Deputy requires configuration")
	f.do(chromedp.Click(chromedp.CSS("a.configure")))
	f.show(3, "What may Deputy do as you?", "Only what this needs")
	f.chooseNeeded()
	f.show(3, "Deputy wants to access your account")
	f.do(chromedp.Click(chromedp.ID("allow")))
	f.show(3, "Space created", "Launch plan", "Grace Hopper")
	f.do(chromedp.Click(chromedp.CSS(".spaces li:last-child a")))
	f.show(3, "Ada Lovelace created this space via Deputy")
	moving := f.gif()
	if len(moving) > maxFilm {
		t.Errorf("the film has %d bytes, more than %d", len(moving), maxFilm)
	}
	if *screenshotDir == "" {
		return
	}
	var still bytes.Buffer
	if err := png.Encode(&still, f.frames[4]); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"deputy.gif": moving, "deputy.png": still.Bytes()} {
		if err := os.WriteFile(filepath.Join(*screenshotDir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// The committed film is what the test makes: as many frames, in the same size, and small enough.
func TestFilm_Committed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/deputy.gif")
	if err != nil {
		t.Fatal(err)
	}
	moving, err := gif.DecodeAll(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	still, err := os.ReadFile("../../docs/deputy.png")
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(still))
	if err != nil {
		t.Fatal(err)
	}
	size := picture.Bounds()
	if len(moving.Image) != 6 || moving.LoopCount != 0 || len(text) > maxFilm ||
		size != moving.Image[0].Bounds() || size.Dx() != 960 {
		t.Errorf("%d frames, %d bytes, %v", len(moving.Image), len(text), size)
	}
}
