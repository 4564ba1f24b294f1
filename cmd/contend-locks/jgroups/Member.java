import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.locks.Lock;

import org.jgroups.Address;
import org.jgroups.JChannel;
import org.jgroups.blocks.locking.LockService;
import org.jgroups.conf.ClassConfigurator;
import org.jgroups.protocols.TCP;
import org.jgroups.stack.IpAddress;

/**
 * One member of a group with JGroups' lock service, for clients that speak lines
 * over TCP:
 *
 * <pre>
 * acquire NAME → granted
 * release NAME → released
 * members      → members N
 * </pre>
 *
 * A connection that ends takes its waiting request and its locks along. The owner of
 * a lock is a thread of a member, so that each connection has one.
 */
public class Member {
    /** TCP, which reaches each member where this one is told to dial it. */
    public static class Linked extends TCP {
        static final Map<Address, Address> links = new HashMap<>(); // complete before the channel opens

        public Linked() {
            id = ClassConfigurator.getProtocolId(TCP.class); // of its headers
        }

        @Override
        public void send(Address to, byte[] data, int offset, int length) throws Exception {
            super.send(links.getOrDefault(to, to), data, offset, length);
        }
    }

    private final LockService locks;
    private final JChannel channel;

    private Member(JChannel channel) {
        this.channel = channel;
        locks = new LockService(channel);
    }

    /** Arguments: where to listen for clients, the protocol stack, how many members there are, and for each where it is and where to dial it. */
    public static void main(String[] args) throws Exception {
        int members = Integer.parseInt(args[2]);
        for (int i = 3; i + 1 < args.length; i += 2) {
            Linked.links.put(address(args[i]), address(args[i + 1]));
        }
        JChannel channel = new JChannel(args[1]);
        Member m = new Member(channel);
        channel.connect("locks");
        while (channel.getView().size() < members) {
            Thread.sleep(20);
        }
        IpAddress at = address(args[0]);
        try (ServerSocket clients = new ServerSocket(at.getPort(), 128, at.getIpAddress())) {
            while (true) {
                Socket c = clients.accept();
                new Thread(() -> m.serve(c)).start();
            }
        }
    }

    private static IpAddress address(String text) throws IOException {
        int colon = text.lastIndexOf(':');
        return new IpAddress(InetAddress.getByName(text.substring(0, colon)), Integer.parseInt(text.substring(colon + 1)));
    }

    /** In the place of a request, when the connection ended. */
    private static final String END = "";

    private void serve(Socket c) {
        BlockingQueue<String> requests = new LinkedBlockingQueue<>();
        Thread worker = Thread.currentThread();
        new Thread(() -> {
            try (BufferedReader in = new BufferedReader(new InputStreamReader(c.getInputStream(), StandardCharsets.UTF_8))) {
                for (String line; (line = in.readLine()) != null; ) {
                    requests.add(line);
                }
            } catch (IOException ended) {
                // as below
            }
            requests.add(END);
            worker.interrupt();
        }).start();
        Map<String, Lock> held = new HashMap<>();
        try (Socket open = c) {
            OutputStream out = c.getOutputStream();
            for (String request; !(request = requests.take()).equals(END); ) {
                out.write((answer(request.split(" "), held) + "\n").getBytes(StandardCharsets.UTF_8));
            }
        } catch (InterruptedException | IOException ended) {
            // nobody is there to be told
        }
        Thread.interrupted(); // what follows is not to be
        for (Lock l : held.values()) {
            l.unlock();
        }
    }

    private String answer(String[] words, Map<String, Lock> held) throws InterruptedException {
        if (words.length == 2 && words[0].equals("acquire")) {
            Lock l = locks.getLock(words[1]);
            held.put(words[1], l); // before it is: the library can throw InterruptedException and hold the lock (LockService.lockInterruptibly); to unlock one that is not held does nothing
            l.lockInterruptibly();
            return "granted";
        }
        if (words.length == 2 && words[0].equals("release")) {
            Lock l = held.remove(words[1]);
            if (l != null) {
                l.unlock();
            }
            return "released";
        }
        if (words.length == 1 && words[0].equals("members")) {
            return "members " + channel.getView().size();
        }
        return "error unknown request: " + String.join(" ", words);
    }
}
