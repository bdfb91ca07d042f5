package buildpack

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/deputy/internal/deployed"
)

// The variables of the processes that TestPacketLoss starts.
const (
	inNamespace = "DEPUTY_IN_NAMESPACE" // directory of the sockets
	forwardFrom = "DEPUTY_FORWARD_FROM"
	forwardTo   = "DEPUTY_FORWARD_TO"
	farAddress  = "10.231.7.2:3128"
)

// TestPacketLoss loses packets for real: the functions reach Google through a veth pair between two network
// namespaces, and its far end goes down. Sockets are files, so they cross namespaces.
func TestPacketLoss(t *testing.T) {
	inAll(t)
	emulator := os.Getenv("FIRESTORE_EMULATOR_HOST")
	if sockets := os.Getenv(inNamespace); sockets != "" {
		testPacketLoss(t, sockets)
		return
	}
	veth := exec.CommandContext(t.Context(), "unshare", "-rn", "ip", "link", "add", "type", "veth")
	if emulator == "" || veth.Run() != nil {
		t.Skip("NOT TESTED: lost packets. They need Google's Firestore emulator (FIRESTORE_EMULATOR_HOST), " +
			"and a Linux on which unshare -rn and ip can make a veth pair")
	}
	sockets, err := os.MkdirTemp("", "deputy")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(sockets) })
	listen(t, "unix", filepath.Join(sockets, "emulator"), "tcp", emulator)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	every := "-every=" + strconv.FormatBool(*everyOutage)
	args := []string{"-rn", program, "-test.run=^TestPacketLoss$", "-test.v", every}
	cmd := exec.CommandContext(t.Context(), "unshare", args...) //nolint:gosec // itself
	cmd.Env = append(os.Environ(), inNamespace+"="+sockets)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	t.Logf("%s", out)
}

// testPacketLoss runs in a network namespace of its own.
func testPacketLoss(t *testing.T, sockets string) {
	t.Helper()
	run := func(command string) {
		t.Helper()
		fields := strings.Fields(command)
		out, err := exec.CommandContext(t.Context(), fields[0], fields[1:]...).CombinedOutput() //nolint:gosec // fixed
		if err != nil {
			t.Fatalf("%s: %v %s", command, err, out)
		}
	}
	run("ip link set lo up")
	run("ip link add near type veth peer name far")
	run("ip address add 10.231.7.1/24 dev near")
	run("ip link set near up")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	far := exec.CommandContext(t.Context(), "unshare", "-n", program) //nolint:gosec // itself
	far.Env = append(os.Environ(), forwardFrom+"="+farAddress, forwardTo+"="+filepath.Join(sockets, "proxy"))
	output, err := far.StdoutPipe()
	if err == nil {
		err = far.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = far.Process.Kill(); _ = far.Wait() })
	if _, err := output.Read(make([]byte, 1)); err != nil { // it is in its namespace
		t.Fatal(err)
	}
	inFar := "nsenter -n -t " + strconv.Itoa(far.Process.Pid) + " "
	run("ip link set far netns " + strconv.Itoa(far.Process.Pid))
	run(inFar + "ip address add 10.231.7.2/24 dev far")
	run(inFar + "ip link set far up")

	emulator := listen(t, "tcp", "127.0.0.1:0", "unix", filepath.Join(sockets, "emulator"))
	u := upstream{name: "all upstreams", command: create, right: created, system: true}
	w := newOutageWorld(t, emulator, u, func(b *deployed.Bed) {
		i := slices.IndexFunc(b.Env, func(v string) bool { return strings.HasPrefix(v, "HTTPS_PROXY=") })
		proxy := strings.TrimPrefix(b.Env[i], "HTTPS_PROXY=http://")
		listen(t, "unix", filepath.Join(sockets, "proxy"), "tcp", proxy)
		b.Env[i] = "HTTPS_PROXY=http://" + farAddress
	})
	if *everyOutage {
		w.lasts = 330 * time.Second
	}
	row := w.try(outage{name: "packets lost", breaks: func() func() {
		run(inFar + "ip link set far down")
		return func() { run(inFar + "ip link set far up") }
	}})
	if row.person == "the right answer" || row.system == "201" {
		t.Errorf("no packet was lost: %+v", row)
	}
	t.Logf("%+v", row)
}

// forward passes connections on, once its namespace has the address.
func forward(from, to string) {
	_, _ = os.Stdout.Write([]byte("\n"))
	for {
		listener, err := net.Listen("tcp", from)
		if err == nil {
			serveRelay(listener, "unix", to)
			return
		}
		<-time.After(10 * time.Millisecond)
	}
}

// listen passes connections on until the test ends, and returns its address.
func listen(t *testing.T, network, address, toNetwork, to string) string {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go serveRelay(listener, toNetwork, to)
	return listener.Addr().String()
}

func serveRelay(listener net.Listener, network, to string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			server, err := net.Dial(network, to)
			if err != nil {
				_ = client.Close()
				return
			}
			go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
			_, _ = io.Copy(client, server)
			_ = client.Close()
		}()
	}
}
